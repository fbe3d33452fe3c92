//! Chat templates in the shape that each family's models expect, in our own words: the marks, the roles, tools where the
//! family has them.
//!
//! Never here: rendering.

/// ChatML with tools the way Qwen 2.5 and Hermes write them: signatures in the system message, calls as JSON inside
/// `<tool_call>`, results as user turns inside `<tool_response>`.
pub(super) const QWEN: &str = r#"{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content }}
    {%- else %}
        {{- 'You are a helpful assistant.' }}
    {%- endif %}
    {{- "\n\n# Tools\n\nYou may call one or more functions. Their signatures are within <tools></tools>:\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" }}{{- tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\n\nFor each call return a JSON object within <tool_call></tool_call>:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content %}
            {{- '\n' + message.content }}
        {%- endif %}
        {%- for call in message.tool_calls or [] %}
            {%- set call = call.function or call %}
            {{- '\n<tool_call>\n{"name": "' + call.name + '", "arguments": ' }}{{- call.arguments | tojson }}{{- '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"#;

/// What Qwen 3 adds to [`QWEN`]: an empty thought where thinking is switched off.
pub(super) const QWEN_THINKS_NOT: &str = r"{%- if add_generation_prompt and enable_thinking is defined and not enable_thinking %}
    {{- '<think>\n\n</think>\n\n' }}
{%- endif %}
";

/// Llama 3.1: headers per turn, tools as JSON in the first user turn, calls as bare JSON, results as `ipython`.
pub(super) const LLAMA: &str = r#"{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set rest = messages %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}
{%- if tools %}
    {{- 'Environment: ipython\n' }}
{%- endif %}
{{- 'Cutting Knowledge Date: December 2023\n\n' + system + '<|eot_id|>' }}
{%- for message in rest %}
    {%- if message.role == 'tool' %}
        {{- '<|start_header_id|>ipython<|end_header_id|>\n\n' + message.content + '<|eot_id|>' }}
    {%- elif message.tool_calls %}
        {%- set call = message.tool_calls[0].function or message.tool_calls[0] %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}{{- '}<|eot_id|>' }}
    {%- elif loop.first and tools %}
        {{- '<|start_header_id|>user<|end_header_id|>\n\nAnswer with a JSON call of one of these functions, in the form ' }}
        {{- '{"name": function name, "parameters": dictionary of arguments}.\n\n' }}
        {%- for tool in tools %}
            {{- tool | tojson(indent=4) }}{{- '\n\n' }}
        {%- endfor %}
        {{- message.content + '<|eot_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"#;

/// Mistral 7B v0.3 and after: `[INST]`, tools before the last user turn, calls as a JSON list after `[TOOL_CALLS]`.
pub(super) const MISTRAL: &str = r#"{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content + '\n\n' %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set rest = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in rest %}
    {%- if message.role == 'user' %}
        {%- if tools and loop.last %}
            {{- '[AVAILABLE_TOOLS] ' }}{{- tools | tojson }}{{- '[/AVAILABLE_TOOLS]' }}
        {%- endif %}
        {{- '[INST] ' + (system if loop.first else '') + message.content + '[/INST]' }}
    {%- elif message.tool_calls %}
        {{- '[TOOL_CALLS] [' }}
        {%- for call in message.tool_calls %}
            {%- set function = call.function or call %}
            {{- '{"name": "' + function.name + '", "arguments": ' }}{{- function.arguments | tojson }}
            {{- ', "id": "' + call.id + '"}' }}{{- ', ' if not loop.last else '' }}
        {%- endfor %}
        {{- ']' + eos_token }}
    {%- elif message.role == 'assistant' %}
        {{- ' ' + message.content + eos_token }}
    {%- elif message.role == 'tool' %}
        {{- '[TOOL_RESULTS] {"content": ' }}{{- message.content | tojson }}{{- ', "call_id": "' }}
        {{- (message.tool_call_id or '') + '"}[/TOOL_RESULTS]' }}
    {%- endif %}
{%- endfor %}
"#;

/// Gemma: two roles, the system text as the beginning of the first user turn; no tools of its own.
pub(super) const GEMMA: &str = r"{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {%- set first = messages[0].content + '\n\n' %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set first = '' %}
    {%- set rest = messages %}
{%- endif %}
{%- for message in rest %}
    {%- set role = 'model' if message.role == 'assistant' else 'user' %}
    {{- '<start_of_turn>' + role + '\n' + (first if loop.first else '') + message.content + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<start_of_turn>model\n' }}
{%- endif %}
";

/// Phi 3: a mark per role.
pub(super) const PHI: &str = r"{%- for message in messages %}
    {{- '<|' + message.role + '|>\n' + message.content + '<|end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\n' }}
{%- endif %}
";

/// DeepSeek V3 and R1: full-width marks, calls as fenced JSON between marks of their own, thoughts left out of history.
pub(super) const DEEPSEEK: &str = r"{{- bos_token }}
{%- for message in messages if message.role == 'system' %}
    {{- message.content }}
{%- endfor %}
{%- if tools %}
    {{- '\n\n## Tools\nYou may call these functions:\n' }}
    {%- for tool in tools %}
        {{- tool | tojson }}{{- '\n' }}
    {%- endfor %}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' %}
        {{- '<｜User｜>' + message.content }}
    {%- elif message.tool_calls %}
        {{- '<｜Assistant｜>' + (message.content or '') + '<｜tool▁calls▁begin｜>' }}
        {%- for call in message.tool_calls %}
            {%- set call = call.function or call %}
            {{- '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.name + '\n```json\n' }}{{- call.arguments | tojson }}
            {{- '\n```<｜tool▁call▁end｜>' }}
        {%- endfor %}
        {{- '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}
    {%- elif message.role == 'assistant' %}
        {{- '<｜Assistant｜>' + message.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}
    {%- elif message.role == 'tool' %}
        {{- '<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>' + message.content + '<｜tool▁output▁end｜><｜tool▁outputs▁end｜>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<｜Assistant｜><think>\n' }}
{%- endif %}
";
