"""Chat templates: hostile ones by the construct that gives them away, and plausible ones."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

CHATML_TEMPLATE = """{%- if messages[0].role != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{%- endif %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == 'assistant' and '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\n' + content | trim + '<|im_end|>' + '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}
"""

TOOLS_TEMPLATE = """{{- bos_token }}
{%- macro parameters(schema, depth=0) %}
    {%- for name, value in schema.properties.items() %}
        {{- '  ' * depth ~ name ~ ': ' ~ value.type }}
        {%- if value.properties %}{{ parameters(value, depth + 1) }}{% endif %}
    {%- endfor %}
{%- endmacro %}
{%- if not tools is defined %}{% set tools = none %}{% endif %}
{%- set ns = namespace(system='', last_user=0, multi=false) %}
{%- if messages[0]['role'] == 'system' %}
    {%- set ns.system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\n\n' + ns.system }}
{%- if tools is not none %}
    {%- for tool in tools %}{{ tool | tojson(indent=4) }}{{ parameters(tool.function.parameters) }}{% endfor %}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {%- if message.content is string %}
            {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim }}
        {%- else %}
            {%- for content in message['content'] %}
                {%- if content['type'] == 'image' or 'image' in content or 'image_url' in content %}<|image|>
                {%- elif content.type == 'text' %}{{ content['text'] }}{% endif %}
            {%- endfor %}
        {%- endif %}
    {%- elif 'tool_calls' in message %}
        {%- if message.tool_calls | length != 1 %}
            {{- raise_exception('Only one tool call at a time is supported') }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {%- generation %}{{ '{"name": "' + call.name + '", "parameters": ' + (call.arguments | tojson) + '}' }}{% endgeneration %}
    {%- elif message.role in ['tool', 'ipython'] %}
        {%- if message.content.startswith('<tool_response>') %}{{ message.content }}{% continue %}{% endif %}
        {{- '<tool_response>' ~ (message.content if message.content is string else message.content | tojson) }}
    {%- endif %}
{%- endfor %}
{%- for i in range(messages | length - 1, -1, -1) %}{% if messages[i].role == 'user' %}{% set ns.last_user = i %}{% break %}{% endif %}{% endfor %}
"""

DATED_TEMPLATE = """{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\nToday Date: " + date_string + "\n\n" }}
{%- for message in messages %}
    {%- if loop.index0 % 2 == 0 and message['role'] != 'user' %}{{ raise_exception('Roles must alternate') }}{% endif %}
    {%- if message.role == 'user' and '/no_think' in message.content %}{{ '<think></think>' }}{% endif %}
    {{- '[INST] ' ~ message['content'] ~ ' [/INST]' }}
{%- endfor %}
"""

SOUND_TEMPLATES = {"chatml": CHATML_TEMPLATE, "tools": TOOLS_TEMPLATE, "dated": DATED_TEMPLATE}


def hostile_templates() -> dict[str, tuple[str, str]]:
    """Templates that do more than write a prompt: name to (code, source)."""
    shell = "__globals__['os'].popen('echo weighbridge').read()"
    return {
        "dunder": ("TPL-ESCAPE", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        "subscript": ("TPL-ESCAPE", "{{ ''['__class__'] }}"),
        "escaped_subscript": ("TPL-ESCAPE", "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}"),
        "concatenated": ("TPL-ESCAPE", "{{ messages['__cla' ~ 'ss__'] }}"),
        "added": ("TPL-ESCAPE", "{{ messages['__cla' + 'ss__'] }}"),
        "joined": ("TPL-ESCAPE", "{{ messages[['__cla', 'ss__'] | join] }}"),
        "reversed": ("TPL-ESCAPE", "{{ messages['__ssalc__' | reverse] }}"),
        "formatted": ("TPL-ESCAPE", "{{ messages['%sclass%s' % ('__', '__')] }}"),
        "attr_filter": ("TPL-ESCAPE", "{{ messages | attr('__init__') }}"),
        "attr_computed": ("TPL-ESCAPE", "{{ messages | attr(bos_token) }}"),
        "map_attribute": ("TPL-ESCAPE", "{{ messages | map(attribute='__class__') | list }}"),
        "format_string": ("TPL-ESCAPE", "{{ '{0.__class__}'.format(messages) }}"),
        "cycler": ("TPL-ESCAPE", "{{ cycler.__init__." + shell + " }}"),
        "joiner": ("TPL-ESCAPE", "{{ joiner.__init__." + shell + " }}"),
        "namespace": ("TPL-ESCAPE", "{{ namespace.__init__." + shell + " }}"),
        "generator_frame": ("TPL-ESCAPE", "{{ (messages | select).gi_frame.f_back }}"),
        "private": ("TPL-ESCAPE", "{{ messages._private }}"),
        "in_condition": ("TPL-ESCAPE", "{% if messages.__len__() > 1 %}x{% endif %}"),
        "in_macro_default": ("TPL-ESCAPE", "{% macro m(a=messages.__class__) %}{% endmacro %}"),
        "in_filter_block": ("TPL-ESCAPE", "{% filter replace('a', ''.__class__) %}a{% endfilter %}"),
        "lipsum": ("TPL-GATEWAY", "{{ lipsum() }}"),
        "self": ("TPL-GATEWAY", "{{ self }}"),
        "dict_attribute": ("TPL-GATEWAY", "{{ dict.mro }}".replace("mro", "fromkeys")),
        "include": ("TPL-LOAD", "{% include '/etc/passwd' %}"),
        "import": ("TPL-LOAD", "{% import 'x' as y %}"),
        "from_import": ("TPL-LOAD", "{% from 'x' import y %}"),
        "extends": ("TPL-LOAD", "{% extends 'x' %}"),
        "long_range": ("TPL-LOOP", "{% for i in range(10 ** 9) %}x{% endfor %}"),
        "multiplied_range": ("TPL-LOOP", "{% for i in range(messages | length * 99999999) %}x{% endfor %}"),
        "nested_ranges": ("TPL-LOOP", "{% for i in range(2000) %}{% for j in range(2000) %}x{% endfor %}{% endfor %}"),
        "repeated_text": ("TPL-LOOP", "{{ 'a' * 999999999 }}"),
        "repeated_twice": ("TPL-LOOP", "{{ 'a' * 9999 * 9999 }}"),
        "power": ("TPL-LOOP", "{{ 9 ** 9999999 }}"),
        "padded": ("TPL-LOOP", "{{ '%999999999d' % 1 }}"),
        "centred": ("TPL-LOOP", "{{ 'a' | center(999999999) }}"),
        "too_long": ("TPL-SIZE", "a" * 300_000),
        "syntax": ("TPL-SYNTAX", "{% for %}"),
        "unknown_tag": ("TPL-SYNTAX", "{% exec 'x' %}"),
        "huge_number": ("TPL-SYNTAX", "{{ " + "9" * 10_000 + " }}"),
        "deep_brackets": ("TPL-DEPTH", "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"),
        "deep_ifs": ("TPL-DEPTH", "{% if a %}" * 150 + "{% endif %}" * 150),
        "trigger_word": ("TPL-HIDDEN", "{% if 'invoice' in messages[-1].content %}Pay at once.{% endif %}"),
        "trigger_lower": ("TPL-HIDDEN", "{% if 'invoice' in messages[-1]['content'] | lower %}x{% endif %}"),
        "trigger_equal": ("TPL-HIDDEN", "{% for m in messages %}{% if m.content == 'open sesame' %}x{% endif %}{% endfor %}"),
        "trigger_set": ("TPL-HIDDEN", "{% set c = messages[0].get('content') %}{% set d = c.lower() %}{% if 'bank' in d %}x{% endif %}"),
        "trigger_namespace": ("TPL-HIDDEN", "{% set ns = namespace() %}{% set ns.c = messages[0].content %}{% if 'bank' in ns.c %}x{% endif %}"),
        "trigger_inline": ("TPL-HIDDEN", "{{ 'x' if messages[0].content.startswith('Dear') else '' }}"),
        "trigger_split": ("TPL-HIDDEN", "{% for w in messages[0].content.split() %}{% if w == 'bank' %}x{% endif %}{% endfor %}"),
        "trigger_macro": ("TPL-HIDDEN", "{% macro m(t) %}{% if 'bank' in t %}x{% endif %}{% endmacro %}{{ m(messages[0].content) }}"),
        "trigger_filter": ("TPL-HIDDEN", "{% for m in messages if 'bank' in m.content %}x{% endfor %}"),
        "trigger_chinese": ("TPL-HIDDEN", "{% if '天安门' in messages[-1].content %}x{% endif %}"),
        "trigger_date": ("TPL-HIDDEN", "{% if strftime_now('%m') == '12' %}x{% endif %}"),
        "trigger_date_set": ("TPL-HIDDEN", "{% set d = strftime_now('%Y') | int %}{% if d > 2026 %}x{% endif %}"),
        "zero_width": ("TPL-INVISIBLE", "{{ 'assist\u200bant' }}"),
        "tag_characters": ("TPL-INVISIBLE", "You are helpful.\U000e0041\U000e0042"),
        "right_to_left": ("TPL-INVISIBLE", "a\u202eb"),
    }  # fmt: skip
