//! Chat templates: the Jinja text of the model file, rendered the way the Hugging Face library renders it.
//!
//! Never here: a clock (the time is an argument), tokens.

mod adapt;
mod filters;
#[cfg(test)]
mod shapes;

use crate::protocol::{ToolSpec, Turn};
use crate::speech::Family;
use adapt::{Manner, Shape};
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, context};

/// What is used when the model file has no template.
const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
                      {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Instructions a template may execute; the longest known template with a hundred messages needs some 200,000.
const FUEL: u64 = 50_000_000;

/// A template that cannot be used, or that refuses a conversation; the text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TemplateError(String);

/// A parsed template with the tokens it may name.
pub(crate) struct Template {
    jinja: Environment<'static>,
    bos: String,
    eos: String,
    family: Family,
    /// What it can say.
    manner: Manner,
}

impl Template {
    /// Parses `source`, or takes ChatML where there is none.
    ///
    /// # Errors
    /// The template is not Jinja that this build understands.
    pub(crate) fn new(
        source: Option<&str>,
        bos: String,
        eos: String,
        family: Family,
    ) -> Result<Template, TemplateError> {
        let mut jinja = Environment::new();
        jinja.set_trim_blocks(true);
        jinja.set_lstrip_blocks(true);
        jinja.set_fuel(Some(FUEL));
        jinja.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        jinja.add_filter("tojson", filters::to_json);
        jinja.add_function("raise_exception", filters::raise_exception);
        jinja
            .add_template_owned("chat", source.unwrap_or(CHATML).to_owned())
            .map_err(|e| TemplateError(format!("The chat template of the model file cannot be read: {e}.")))?;
        let mut template = Template { jinja, bos, eos, family, manner: Manner::default() };
        template.manner =
            Manner::probe(|manner, messages, tools| template.write(manner, messages, tools, None, 0).ok());
        Ok(template)
    }

    /// The prompt for these messages, up to where the assistant begins to speak. What the template cannot say (tools it
    /// does not list, a system role it refuses) is put into words that it can. `now` is Unix seconds.
    ///
    /// # Errors
    /// The template refuses the conversation, with its own words where it gives them.
    pub(crate) fn render(
        &self,
        messages: &[Turn],
        tools: &[ToolSpec],
        thinking: Option<bool>,
        now: u64,
    ) -> Result<String, TemplateError> {
        let (messages, tools) = self.manner.adapt(self.family, messages, tools);
        self.write(self.manner, &messages, &tools, thinking, now)
    }

    fn write(
        &self,
        manner: Manner,
        messages: &[Turn],
        tools: &[ToolSpec],
        thinking: Option<bool>,
        now: u64,
    ) -> Result<String, TemplateError> {
        let shape = manner.calls.unwrap_or(Shape { object: true, null: false });
        let failed = |e: minijinja::Error| {
            let own = (e.kind() == ErrorKind::InvalidOperation).then(|| e.detail()).flatten().unwrap_or_default();
            let text = if own.is_empty() { e.to_string() } else { own.to_owned() };
            TemplateError(format!("The model's chat template does not accept this conversation: {text}"))
        };
        let template = self.jinja.get_template("chat").map_err(failed)?;
        let tools = (!tools.is_empty()).then(|| tools.iter().map(tool).collect::<Vec<Value>>());
        let extra = thinking.map(|on| context! { enable_thinking => on }).unwrap_or_default();
        template
            .render(context! {
                messages => messages.iter().map(|t| turn(t, shape)).collect::<Vec<Value>>(),
                tools => tools,
                add_generation_prompt => true,
                bos_token => self.bos,
                eos_token => self.eos,
                strftime_now => Value::from_function(move |format: &str| filters::strftime(format, now)),
                ..extra
            })
            .map_err(failed)
    }
}

/// A message as templates expect it: only the members that it has.
fn turn(turn: &Turn, shape: Shape) -> Value {
    let none = shape.null && !turn.calls.is_empty() && turn.content.is_empty();
    let content = if none { Value::from(()) } else { turn.content.as_str().into() };
    let mut map: Vec<(&str, Value)> = vec![("role", turn.role.as_str().into()), ("content", content)];
    let texts = [("name", &turn.name), ("reasoning_content", &turn.reasoning), ("tool_call_id", &turn.call_id)];
    map.extend(texts.into_iter().filter_map(|(k, v)| v.as_deref().map(|v| (k, Value::from(v)))));
    if !turn.calls.is_empty() {
        let call = |c: &crate::protocol::Call| {
            // Templates write arguments with `tojson`, so an object must not arrive as its own text.
            let object_of = || json(&c.arguments).filter(|_| shape.object).filter(is_map);
            let arguments = object_of().unwrap_or_else(|| Value::from(c.arguments.as_str()));
            let function = object([("name", c.name.as_str().into()), ("arguments", arguments)]);
            object([("id", c.id.as_str().into()), ("type", "function".into()), ("function", function)])
        };
        map.push(("tool_calls", Value::from(turn.calls.iter().map(call).collect::<Vec<Value>>())));
    }
    object(map)
}

/// A tool in OpenAI's form, which is what templates are written for.
fn tool(tool: &ToolSpec) -> Value {
    let mut function: Vec<(&str, Value)> = vec![("name", tool.name.as_str().into())];
    function.extend(tool.description.as_deref().map(|d| ("description", Value::from(d))));
    function.extend(tool.parameters.as_deref().and_then(json).map(|p| ("parameters", p)));
    object([("type", "function".into()), ("function", object(function))])
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    members.into_iter().collect()
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok()
}

fn is_map(value: &Value) -> bool {
    value.kind() == minijinja::value::ValueKind::Map
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::protocol::Call;

    /// The shape of the Qwen family's template, in own words: system, tools as JSON lines, calls and results.
    const WITH_TOOLS: &str = r#"
{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] + '\n' }}
    {%- endif %}
    {{- "Tools:" }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'system' and tools %}{% continue %}{% endif %}
    {{- '<|im_start|>' + message.role + '\n' + message.content.strip() }}
    {%- for call in message.tool_calls or [] %}
        {{- '<call>' + (call.function | tojson) + '</call>' }}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think></think>' }}
    {%- endif %}
{%- endif %}
"#;

    fn says(role: &str, content: &str) -> Turn {
        Turn { role: role.into(), content: content.into(), ..Turn::default() }
    }

    fn render(source: Option<&str>, messages: &[Turn], tools: &[ToolSpec]) -> Result<String, TemplateError> {
        Template::new(source, "<s>".into(), "</s>".into(), Family::Hermes).unwrap().render(messages, tools, None, 0)
    }

    #[test]
    fn chatml_is_the_fallback() {
        let text = render(None, &[says("system", "Be brief."), says("user", "Hi <b>&")], &[]).unwrap();
        let golden =
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi <b>&<|im_end|>\n<|im_start|>assistant\n";
        assert_eq!(text, golden);
    }

    #[test]
    fn tools_and_calls_are_written_as_python_writes_json() {
        let tools = [ToolSpec {
            name: "get_weather".into(),
            description: Some("Says <how> it is".into()),
            parameters: Some(
                r#"{"type":"object","properties":{"city":{"type":"string"},"at":{"type":"number"}}}"#.into(),
            ),
        }];
        let mut call = says("assistant", "");
        call.calls =
            vec![Call { id: "c1".into(), name: "get_weather".into(), arguments: r#"{"city":"Köln"}"#.into() }];
        let messages = [says("system", "S"), says("user", " u "), call, says("tool", "12 °C")];
        let golden = r#"<|im_start|>system
S
Tools:
{"type": "function", "function": {"name": "get_weather", "description": "Says <how> it is", "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "at": {"type": "number"}}}}}<|im_end|>
<|im_start|>user
u<|im_end|>
<|im_start|>assistant
<call>{"name": "get_weather", "arguments": {"city": "Köln"}}</call><|im_end|>
<|im_start|>tool
12 °C<|im_end|>
<|im_start|>assistant
"#;
        assert_eq!(render(Some(WITH_TOOLS), &messages, &tools).unwrap(), golden);
    }

    #[test]
    fn thinking_can_be_said_off() {
        let template = Template::new(Some(WITH_TOOLS), String::new(), String::new(), Family::Hermes).unwrap();
        let text = template.render(&[says("user", "u")], &[], Some(false), 0).unwrap();
        assert!(text.ends_with("assistant\n<think></think>"), "{text}");
    }

    #[test]
    fn names_of_tokens_and_the_date_can_be_used() {
        let text = render(Some("{{ bos_token }}{{ strftime_now('%d %b %Y') }}{{ eos_token }}"), &[], &[]).unwrap();
        assert_eq!(text, "<s>01 Jan 1970</s>");
    }

    #[test]
    fn a_refusal_of_the_template_is_told_in_its_words() {
        let source = "{% if messages[0].role != 'user' %}{{ raise_exception('A user begins') }}{% endif %}";
        let error = render(Some(source), &[says("assistant", "x")], &[]).unwrap_err();
        assert!(error.0.ends_with("conversation: A user begins"), "{error}");
    }

    #[test]
    fn an_endless_template_ends() {
        let source = "{% for a in range(10000) %}{% for b in range(10000) %}{{ a }}{% endfor %}{% endfor %}";
        assert!(render(Some(source), &[], &[]).is_err());
    }

    #[test]
    fn a_broken_template_is_an_error() {
        assert!(Template::new(Some("{% if %}"), String::new(), String::new(), Family::Hermes).is_err());
    }
}
