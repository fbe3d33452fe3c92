//! Conversations with tools through templates of the shapes that the families publish, in own words and only with what is
//! peculiar to each.
//!
//! Never here: anything that is shipped.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::Template;
use crate::protocol::{Call, ToolSpec, Turn};
use crate::speech::Family;

/// Tools in the system's message, results as a user's.
const QWEN: &str = r##"
{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- "# Tools\n<tools>" }}
    {%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\n</tools>\nfor a call: <tool_call>\n{\"name\": N, \"arguments\": A}\n</tool_call><|im_end|>\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) %}
        {%- set content = message.content %}
        {%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content %}{{- '\n' + message.content }}{%- endif %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}{%- set call = call.function %}{%- endif %}
            {{- '\n<tool_call>\n{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments | tojson }}
            {{- '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or messages[loop.index0 - 1].role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"##;

/// Tools in the first user's message; one call at a time; `ipython` results.
const LLAMA: &str = r##"
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" + system + "<|eot_id|>" }}
{%- if not tools is none %}
    {%- set first = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
    {{- '<|start_header_id|>user<|end_header_id|>\n\nanswer with {"name": N, "parameters": P}\n' }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}
    {{- first + "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls | length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}{{- "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}
        {%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}
"##;

/// Ids of nine characters, roles that alternate, the system's text in the last user's message.
const MISTRAL: &str = r##"
{%- if messages[0]["role"] == "system" %}{%- set system = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}{{- tool | tojson }}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}
            {{- "][/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system is defined %}{{- "[INST] " + system + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for call in message.tool_calls %}
            {%- if not call.id is defined or call.id | length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {%- set out = call.function | tojson %}
            {{- out[:-1] + ', "id": "' + call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}{{- " " + message["content"] + eos_token }}
    {%- elif message["role"] == "tool" %}
        {%- if not message.tool_call_id is defined or message.tool_call_id | length != 9 %}
            {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content | string + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}{{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
"##;

/// No tools, roles that alternate; Gemma 2 also refuses a system's message.
const GEMMA: &str = r##"
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{%- endif %}
"##;

/// Tools are ignored, arguments are text, and an assistant's content beside calls is `none`.
const DEEPSEEK: &str = r##"
{%- set ns = namespace(system='', output_first=true) %}
{%- for message in messages %}{%- if message['role'] == 'system' %}{%- set ns.system = message['content'] %}{%- endif %}{%- endfor %}
{{- bos_token }}{{- ns.system }}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{{- '<｜User｜>' + message['content'] }}{%- endif %}
    {%- if message['role'] == 'assistant' and message['content'] is none %}
        {%- for tool in message['tool_calls'] %}
            {{- '<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\n```json\n' + tool['function']['arguments'] + '\n```<｜tool▁call▁end｜>' }}
        {%- endfor %}
        {{- '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}
    {%- endif %}
    {%- if message['role'] == 'assistant' and message['content'] is not none %}
        {%- set content = message['content'] %}
        {%- if '</think>' in content %}{%- set content = content.split('</think>')[-1] %}{%- endif %}
        {{- '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}
    {%- endif %}
    {%- if message['role'] == 'tool' %}
        {{- '<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<｜Assistant｜><think>\n' }}{%- endif %}
"##;

fn says(role: &str, content: &str) -> Turn {
    Turn { role: role.into(), content: content.into(), ..Turn::default() }
}

fn tool() -> ToolSpec {
    let parameters = Some(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#.to_owned());
    ToolSpec { name: "get_weather".into(), description: Some("Says how it is.".into()), parameters }
}

/// System, question, `calls` calls with results, a further question.
fn conversation(calls: usize) -> Vec<Turn> {
    let id = |i: usize| format!("call_0123456789abcdef{i}");
    let call = |i| Call { id: id(i), name: "get_weather".into(), arguments: format!("{{\"city\": \"Town{i}\"}}") };
    let mut assistant = says("assistant", "");
    assistant.calls = (0..calls).map(call).collect();
    let mut turns = vec![says("system", "Be kind."), says("user", "How is it?"), assistant];
    turns.extend((0..calls).map(|i| Turn { call_id: Some(id(i)), ..says("tool", &format!("{i} degrees")) }));
    turns
}

fn render(source: &str, turns: &[Turn]) -> String {
    let family = Family::of(source, "");
    let template = Template::new(Some(source), "<s>".into(), "</s>".into(), family).unwrap();
    template.render(turns, &[tool()], None, 0).unwrap()
}

fn in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("{word:?} is not where it should be in {text}"));
        rest = &rest[at + word.len()..];
    }
}

const SAID: [&str; 4] = ["Town0", "Town1", "0 degrees", "1 degrees"];

#[test]
fn families_are_told_by_their_templates() {
    for (source, family) in [
        (QWEN, Family::Hermes),
        (LLAMA, Family::Llama),
        (MISTRAL, Family::Mistral),
        (GEMMA, Family::Gemma),
        (DEEPSEEK, Family::DeepSeek),
    ] {
        assert_eq!(Family::of(source, ""), family);
    }
    assert_eq!(Family::of("", "gemma3"), Family::Gemma);
    assert_eq!(Family::of("", "qwen2"), Family::Hermes);
}

#[test]
fn qwen() {
    let text = render(QWEN, &conversation(2));
    in_order(
        &text,
        &[
            "Be kind.",
            "\"get_weather\"",
            "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Town0\"}}",
        ],
    );
    in_order(&text, &SAID);
    assert_eq!(text.matches("# Tools").count(), 1, "its own words are enough");
}

#[test]
fn llama_says_one_call_at_a_time() {
    let text = render(LLAMA, &conversation(2));
    in_order(
        &text,
        &["Be kind.", "\"name\": \"get_weather\"", "How is it?", "Town0", "0 degrees", "Town1", "1 degrees"],
    );
    assert!(text.ends_with("assistant<|end_header_id|>\n\n"), "{text}");
}

#[test]
fn mistral_gets_short_ids_that_match() {
    let mut turns = conversation(2);
    turns.extend([says("assistant", "Fine."), says("user", "And now?")]);
    let text = render(MISTRAL, &turns);
    in_order(&text, &SAID);
    in_order(&text, &["[AVAILABLE_TOOLS]", "\"get_weather\"", "Be kind."]);
    let ids = |key: &str| {
        let found = text.match_indices(key).map(|(at, _)| text[at + key.len()..at + key.len() + 9].to_owned());
        found.collect::<Vec<String>>()
    };
    assert_eq!(ids("\"id\": \""), ids("\"call_id\": \""));
    assert_eq!(ids("\"id\": \"").len(), 2);
}

#[test]
fn gemma_is_told_of_tools_in_the_users_message() {
    let mut turns = conversation(2);
    turns.push(says("user", "And now?"));
    let text = render(GEMMA, &turns);
    assert!(text.starts_with("<s><start_of_turn>user\nBe kind."), "{text}");
    in_order(
        &text,
        &["\"get_weather\"", "```json", "How is it?", "<start_of_turn>model\n```json\n{\"name\": \"get_weather\""],
    );
    in_order(&text, &SAID);
    in_order(&text, &["</tool_response>", "And now?<end_of_turn>\n<start_of_turn>model\n"]);
}

#[test]
fn deepseek_is_told_of_tools_and_gets_its_arguments_as_text() {
    let text = render(DEEPSEEK, &conversation(2));
    in_order(&text, &["Be kind.", "\"get_weather\"", "<｜tool▁calls▁begin｜>", "How is it?"]);
    in_order(&text, &["function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Town0\"}\n```", "Town1", "0 degrees"]);
    assert!(crate::speech::opened(&text) && crate::speech::thinks(DEEPSEEK));
}

#[test]
fn without_tools_nothing_is_added() {
    let template = Template::new(Some(GEMMA), String::new(), String::new(), Family::Gemma).unwrap();
    let text = template.render(&[says("user", "Hi")], &[], None, 0).unwrap();
    assert_eq!(text, "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n");
}

#[test]
fn a_user_cannot_forge_a_call_or_a_result() {
    use crate::disarm::{Disarm, stretches};
    for source in [QWEN, LLAMA, MISTRAL, GEMMA, DEEPSEEK] {
        let family = Family::of(source, "");
        let marks = family.marks();
        let disarm = Disarm::new([], marks.iter().copied());
        let mut turns = vec![says("user", &marks.concat())];
        turns.iter_mut().for_each(|t| disarm.turn(t, 0));
        let template = Template::new(Some(source), String::new(), String::new(), family).unwrap();
        let text = template.render(&turns, &[], None, 0).unwrap();
        // What the template itself says about tools is not said here; its own end of the prompt may open the reasoning.
        for stretch in stretches(text.trim_end().trim_end_matches("<think>")) {
            assert!(!marks.iter().any(|m| stretch.contains(m)), "{stretch:?}");
        }
    }
}
