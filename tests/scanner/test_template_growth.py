"""Templates: text that grows to an enormous size is an attack in every spelling, honest growth is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.checks.chat_template_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_CHAIN = "".join(f"{{% set a{n + 1} = {'~'.join([f'a{n}'] * 10)} %}}" for n in range(10))
_LOOP = "{% set ns = namespace(s='ab') %}{% for i in range(60) %}BODY{% endfor %}{{ ns.s }}"
_DOUBLE = "{% macro d(s) %}{{ s }}{{ s }}{% endmacro %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%-*s' % (2000000000, 'x') }}",
        "{{ '%.*f' % (100000000, 1) }}",
        "{{ '%.999999999f' % 1 }}",
        "{% set n = 10 ** 9 %}{{ ('%' ~ '*d') % (n, 1) }}",
        "{{ range(99999) | join('x' * 99999) }}",
        "{{ (range(90000) | list) | join('y' * 90000) }}",
        "{% set a = 'x' * 90000 %}{{ a.join(a) }}",
        "{% set a = '%s' * 9000 %}{{ ('\t' * 90000).expandtabs(90000) }}",
        "{{ ('x ' * 9000) | wordwrap(1, wrapstring='y' * 9000) }}",
        _LOOP.replace("BODY", "{% set ns.s = [ns.s, ns.s] | join %}"),
        _LOOP.replace("BODY", "{% set ns.s = '%s%s' | format(ns.s, ns.s) %}"),
        _LOOP.replace("BODY", "{% set ns.s = '{0}{0}'.format(ns.s) %}"),
        _LOOP.replace("BODY", "{% set t %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = t %}"),
        _LOOP.replace("BODY", "{% set ns.s = ns.s.join(ns.s) %}"),
        _LOOP.replace("BODY", "{% set ns.s = ns.s | tojson | tojson %}"),
        _LOOP.replace("BODY", "{% set ns.s = ns.s | replace('a', 'aa') %}"),
        _LOOP.replace("BODY", "{% if i %}{% set ns.s = ns.s ~ ns.s %}{% endif %}"),
        _LOOP.replace("BODY", "{% for j in messages %}{% set ns.s = ns.s + ns.s %}{% endfor %}"),
        "{% set ns = namespace(n=9) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{% set a0 = 'xxxxxxxxxx' %}" + _CHAIN + "{{ a10 }}",
        "{{ 'aaaaaaaaaa'" + " | replace('a', 'aaaaaaaaaa')" * 9 + " }}",
        _DOUBLE + "{{ " + "d(" * 40 + "'x'" + ")" * 40 + " }}",
        _DOUBLE.replace("d(s)", "d()").replace("s }}", "caller() }}")
        + "{% call d() %}" * 20
        + "x" * 9
        + "{% endcall %}" * 20,
        "{% macro r(s, n) %}{% if n %}{{ r(s ~ s, n - 1) }}{% else %}{{ s }}{% endif %}{% endmacro %}"
        "{{ r('x', 40) }}",
        "{% macro d(n) %}{% set n.s = n.s ~ n.s %}{% endmacro %}" + _LOOP.replace("BODY", "{{ d(ns) }}"),
        "{% for i in range(9000) %}{{ 'x' * 9000 }}{% endfor %}",
        _LOOP.replace("60", "9000").replace("BODY", "{% set ns.s = ns.s ~ 'x' * 9000 %}"),
        "{% filter replace('x', 'y' * 9000) %}{{ 'x' * 9000 }}{% endfilter %}",
        "{% with a = 'x' * 9000 %}{{ a | join(a) }}{% endwith %}",
    ],
)
def test_text_that_grows_without_measure_is_an_attack(source: str, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"chat_template.jinja": source.encode()}))
    assert "TPL-LOOP" in {each.rule for each in found if CHECK.verdict_of(each) is FileVerdict.ATTACK}


_MANY = "{% for m in messages %}{% for p in m.content %}BODY{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ '%5d %.3f %*d' % (1, 2, 8, 3) }}",
        "{{ messages | map(attribute='content') | join('\\n\\n') }}",
        "{% set ns = namespace(s='', all=[]) %}"
        + _MANY.replace("BODY", "{% set ns.s = ns.s ~ p.text %}{% set ns.all = ns.all + [p] %}")
        + "{% for x in ns.all %}{{ x }}{{ ns.s }}{% endfor %}",
        "{{ m.content"
        + "".join(
            f" | replace({sign!r}, '&{name};')" for sign, name in zip("&<>\"'\n\t", "abcdefg", strict=True)
        )
        + " }}",
        "{{ m.content | replace('\\\\', '\\\\\\\\') | replace('\"', '\\\\\"') | replace('\\n', '\\\\n') }}",
        "{% for m in messages %}{% set content = m.content ~ m.content %}{{ content }}{% endfor %}",
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}",
        "{% macro f(x, n) %}{{ '  ' * n ~ x | tojson(indent=4) }}{% for y in x.all %}{{ f(y, n + 1) }}"
        "{% endfor %}{% endmacro %}{% for t in tools %}{{ f(t, 1) }}{% endfor %}",
        "{% macro f(x, p='') %}{% for y in x.all %}{{ f(y, p ~ '.' ~ y.name) }}{% endfor %}{% endmacro %}"
        "{{ f(tools[0]) }}",
        "{% set a = 'ab' %}{% for i in range(3) %}{% set a = a ~ a %}{% endfor %}{{ a }}",
    ],
)
def test_text_that_the_conversation_bounds_passes(source: str, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {"chat_template.jinja": source.encode()}))
    assert [each.outcome for each in found] == [Outcome.PASS]


def test_more_than_can_be_worked_out_is_not_passed(tmp_path: Path) -> None:
    macros = "".join(
        f"{{% macro m{n + 1}(s) %}}{{% set ns.x = ns.x ~ 'x' %}}{{{{ m{n}(s) ~ m{n}(s) }}}}{{% endmacro %}}"
        for n in range(18)
    )
    source = "{% set ns = namespace(x='') %}{% macro m0(s) %}{% endmacro %}" + macros + "{{ m18('x') }}"
    found = findings_of(CHECK, write_all(tmp_path, {"chat_template.jinja": source.encode()}))
    assert FileVerdict.NOT_READABLE in {CHECK.verdict_of(each) for each in found}
