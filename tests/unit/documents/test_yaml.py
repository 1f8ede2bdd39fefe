"""YAML documents: what the author meant, with the lines to edit; anything doubtful refused with its line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.errors import PodliftError
from migrate.documents import Document, parse_documents, yaml_text


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """PyYAML comes with and without its C parser; one must not read otherwise than the other."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "pure Python":
            patch.setattr(yaml_text, "_Parser", yaml.SafeLoader)
        elif not yaml.__with_libyaml__:
            pytest.skip("this PyYAML has no libyaml")
        yield


def one(text: str) -> Document:
    (document,) = parse_documents(text.encode(), name="fleet.yml")
    return document


def refused(text: str | bytes) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        parse_documents(text if isinstance(text, bytes) else text.encode(), name="fleet.yml")
    assert caught.value.phase == "read"
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, word) for word in ("NO", "no", "yes", "on", "Off", "y", "N", "nULL", "tRUE")),
        *((word, word) for word in ("22:22", "190:20:30", "012", "-012", "08", "00", "1_000", "0b11", "01.5")),
        *((word, word) for word in ("2001-01-01", "2001-12-14t21:59:43Z", "1.2.3", "=", "1e", "0x", "0o8", "1e999")),
        *((word, int(word)) for word in ("0", "7", "-7", "+7", "18446744073709551616")),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5E-2", -0.015),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("9" * 400, "9" * 400),
        ("'true'", "true"),
        ('"1"', "1"),
        ("! 1", "1"),
        ("!!str 1", "1"),
        ("!!str", ""),
        ('!!int "1"', 1),
        ("!!float 1", 1.0),
        ("!!null ''", None),
        ("!!map {a: b}", {"a": "b"}),
        ("!!seq [a]", ["a"]),
    ],
)
def test_scalars_are_what_the_author_meant(written: str, meant: Any) -> None:
    """The core schema of YAML 1.2, where Norway is no boolean and a port mapping no number of seconds."""
    value = one(f"a: {written}\n").value["a"]
    assert type(value) is type(meant)
    assert value == meant


def test_not_a_number_is_read_as_one() -> None:
    """NaN equals nothing, itself included."""
    assert math.isnan(one("a: .nan\n").value["a"])


def test_keys_stay_as_written() -> None:
    """Paths are made of text, so 80 and NO and null must be that."""
    assert one("80: a\nNO: b\nnull: c\n012: d\n1.10: e\ntrue: f\n'q': g\n").value == {
        "80": "a",
        "NO": "b",
        "null": "c",
        "012": "d",
        "1.10": "e",
        "true": "f",
        "q": "g",
    }


def test_lines_of_keys_items_and_values() -> None:
    """An entry has its key's line, an item its own."""
    document = one("# fleet\nweb:\n  ports:\n  - 80\n  -\n  - {a: b,\n     c: d}\n  run: |\n    x\n    y\n  env:\n")
    assert dict(document.marks) == {
        (): 2,
        ("web",): 2,
        ("web", "ports"): 3,
        ("web", "ports", 0): 4,
        ("web", "ports", 1): 5,
        ("web", "ports", 2): 6,
        ("web", "ports", 2, "a"): 6,
        ("web", "ports", 2, "c"): 7,
        ("web", "run"): 8,
        ("web", "env"): 11,
    }
    assert document.where(("web", "ports", 2, "c")) == "fleet.yml:7"
    assert document.line(("web", "absent", "x")) == 2
    assert len(document.marks) == 10


def test_aliases_and_merges_lead_to_where_the_value_was_written() -> None:
    """That is the line which a reader must edit; explicit keys win, and of several maps the first."""
    document = one(
        "base: &base\n"
        "  cpu: 1\n"
        "  env: &env [A, B]\n"
        "more: &more\n"
        "  cpu: 2\n"
        "  mem: 3\n"
        "web:\n"
        "  env: *env\n"
        "  <<: *base\n"
        "  cpu: 5\n"
        "api:\n"
        "  <<: [*base, *more, {x: 1}]\n"
        "list:\n"
        "- *base\n"
    )
    assert document.value["web"] == {"cpu": 5, "env": ["A", "B"]}
    assert document.value["api"] == {"cpu": 1, "env": ["A", "B"], "mem": 3, "x": 1}
    lines = {path: document.line(path) for path in document.marks if path[0:1] not in ((), ("base",), ("more",))}
    assert lines == {
        ("web",): 7,
        ("web", "cpu"): 10,
        ("web", "env"): 3,
        ("web", "env", 0): 3,
        ("web", "env", 1): 3,
        ("api",): 11,
        ("api", "cpu"): 2,
        ("api", "env"): 3,
        ("api", "env", 0): 3,
        ("api", "env", 1): 3,
        ("api", "mem"): 6,
        ("api", "x"): 12,
        ("list",): 13,
        ("list", 0): 1,
        ("list", 0, "cpu"): 2,
        ("list", 0, "env"): 3,
        ("list", 0, "env", 0): 3,
        ("list", 0, "env", 1): 3,
    }


def test_merges_of_merges_and_quoted_merge_keys() -> None:
    """go-yaml tags its merges, and a quoted << is a key as any other."""
    document = one("a: &a {x: 1}\nb: &b\n  !!merge <<: *a\n  y: 2\nc:\n  <<: *b\n  '<<': 3\n")
    assert document.value["c"] == {"x": 1, "y": 2, "<<": 3}
    assert document.line(("c", "x")) == 1


def test_values_share_nothing() -> None:
    """Who changes what came through one alias changes nothing elsewhere."""
    value = one("a: &a {x: [1]}\nb: *a\nc:\n  <<: *a\n").value
    value["b"]["x"].append(2)
    assert value["a"] == value["c"] == {"x": [1]}


def test_anchors_may_be_set_again_and_stand_on_keys() -> None:
    """An alias means the last one set before it."""
    assert one("a: &x 1\nb: &x 2\nc: *x\n").value == {"a": 1, "b": 2, "c": 2}
    assert one("&k 80: d\ne: *k\nf:\n  *k : g\n").value == {"80": "d", "e": 80, "f": {"80": "g"}}


def test_streams_hold_several_documents() -> None:
    """What holds nothing is no document; anchors end with theirs."""
    first, second = parse_documents(b"---\n---\na: 1\n---\n# none\n---\nb: 2\n...\n", name="fleet.yml")
    assert (first.index, first.value, first.where()) == (0, {"a": 1}, "fleet.yml:3")
    assert (second.index, second.value, second.where(("b",))) == (1, {"b": 2}, "fleet.yml:7")
    assert refused("a: &x 1\n---\nb: *x\n").code == "bad-yaml"
    assert one("null\n").value is None


def test_texts_of_the_time_when_containers_run_pass() -> None:
    """Swarm's own templates, Compose's variables, and templates in somebody's config file stay text."""
    text = (
        'host: "{{.Node.Hostname}}"\n'
        "name: web-{{.Task.Slot}}\n"
        "image: app:${TAG:-1}\n"
        "erb: '<%= not ours %>'\n"
        "conf: |\n"
        "  {% if x %}\n"
        "  <% if y %>\n"
        "  {{ z }}\n"
        "  {% endif %}\n"
        "é: ü{%\n"
        "log: '%{http_code} 5<%d'\n"
        "path: '\\ud800'\n"
    )
    assert one(text).value["conf"].startswith("{% if x %}\n")


@pytest.mark.parametrize(
    ("text", "line", "kind"),
    [
        ("{% if a %}\na: 1\n{% endif %}\n", 1, "Jinja2"),
        ("a: 1\n{%- for x in y %}\nb: 1\n{%- endfor %}\n", 2, "Jinja2"),
        ("a: 1\n# {% if b %}\nb: 1\n# {% endif %}\n", 2, "Jinja2"),
        ("a:\n  # {% if b %}\n  b: 1\n  # {% else %}\n  b: 2\n", 2, "Jinja2"),
        ("{# note #}\na: 1\n", 1, "Jinja2"),
        ("a: {{ port }}\n", 1, "Jinja2"),
        ("a:\n- {{ port }}\n", 2, "Jinja2"),
        ('a: {{ port | default("x") }}/tcp\n', 1, "Jinja2"),
        ("<% if a %>\na: 1\n<% end %>\n", 1, "ERB"),
        ("a: 1\nimage: <%= tag %>\n", 2, "ERB"),
        ("a: 1\n{{- if .Values.x }}\nb: 1\n{{- end }}\n", 2, "a Go template"),
        ("a: {{ .Values.x }}\n", 1, "a Go template"),
        ('a: {{ env "X" }}\n', 1, "a Go template"),
        ("é: 1\nb: 'ü'\nc: {% raw %}\n", 3, "Jinja2"),
    ],
)
def test_templates_are_refused_by_name(text: str, line: int, kind: str) -> None:
    """Their author knows how to render them, if only told that this is what is missing."""
    error = refused(text)
    assert (error.code, error.subject) == ("templated-yaml", f"fleet.yml:{line}")
    assert kind in error.reason
    assert "render it first" in error.next_step


@pytest.mark.parametrize(
    ("tag", "step"),
    [
        ("!vault |\n  $ANSIBLE_VAULT", "ansible-vault"),
        ("!Ref X", "CloudFormation"),
        ("!GetAtt [a, b]", "CloudFormation"),
        ("!reset []", "docker compose config"),
        ("!include x.yml", "in its place"),
        ("!mine {a: b}", "plain value"),
        ("!!binary aGk=", "plain value"),
        ("!!python/object/apply:os.system [id]", "plain value"),
        ("!<tag:example.org,1:b> 1", "plain value"),
    ],
)
def test_private_tags_are_refused_with_what_to_do(tag: str, step: str) -> None:
    """The tag's meaning is code that we do not have; the message names the tag."""
    error = refused(f"a: 1\nb: {tag}\n")
    assert (error.code, error.subject) == ("unknown-yaml-tag", "fleet.yml:2")
    assert tag.split(maxsplit=1)[0].removeprefix("!<").removesuffix(">") in error.reason
    assert step in error.next_step


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, "lines 1 and 3"),
        ("x:\n  80: 1\n  '80': 2\n", "duplicate-key", 3, "lines 2 and 3"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "duplicate-key", 4, "lines 3 and 4"),
        ("a: [&b {x: 1}]\nb: *b\nb: 2\n", "duplicate-key", 3, "twice"),
        ("a:\n\tb: 1\n", "bad-yaml", 2, "tab"),
        ("a:\n  b: 1\n\tc: 1\n", "bad-yaml", 3, "tab"),
        ("a: b: c\n", "bad-yaml", 1, "mapping values"),
        ('a: 1\nb: "x\n', "bad-yaml", 0, ""),
        ("a: [1, 2\nb: 3\n", "bad-yaml", 2, ""),
        ("a: &a\n  b: *a\n", "bad-yaml", 2, "inside the value"),
        ("a: &a [x, {<<: *a}]\n", "bad-yaml", 1, "inside the value"),
        ("a: *b\n", "bad-yaml", 1, "&b"),
        ("a: 1\n<<: 3\n", "bad-yaml", 2, "no map"),
        ("a: &a [1]\nb:\n  <<: *a\n", "bad-yaml", 3, "no map"),
        ("a: 1\n<<:\n", "bad-yaml", 2, "no map"),
        ("<<: []\n", "bad-yaml", 1, "no map"),
        ("a: 1\n? [x, y]\n: 2\n", "bad-yaml", 2, "a map or a list"),
        ("a: &a {x: 1}\n*a : 2\n", "bad-yaml", 2, "a map or a list"),
        ("a: !!int x\n", "bad-yaml", 1, "!!int"),
        ("a: 1\nb: \x07\n", "bad-yaml", 2, "0x07"),
        ('a: 1\nb: "\\ud800"\n', "", 2, ""),
        ("a:\n  " + "[" * 150 + "]" * 150, "bad-yaml", 2, "deep"),
        ("[" * 50_000, "bad-yaml", 1, ""),
        ("".join(" " * n + "b:\n" for n in range(150)), "bad-yaml", 101, "deep"),
        ("", "empty-document", 0, "nothing"),
        ("# only words\n---\n", "empty-document", 0, "nothing"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, code: str, line: int, words: str) -> None:
    """One error each, whichever parser PyYAML came with."""
    error = refused(text)
    assert error.code == code or not code
    assert words in error.reason
    if line:
        assert error.subject == f"fleet.yml:{line}"


def test_aliases_may_not_blow_up() -> None:
    """Nine lines can stand for a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "aliases" in refused("\n".join(lines)).reason
    deep = ["a0: &a0 " + "[" * 60 + "]" * 60, "a1: &a1 " + "[" * 60 + "*a0" + "]" * 60]
    assert "deep" in refused("\n".join(deep)).reason


def test_encodings() -> None:
    """Windows line ends and a byte order mark are no fault, another encoding is."""
    (document,) = parse_documents(b"\xef\xbb\xbfa: 1\r\nb:\r\n- c\r\n", name="fleet.yml")
    assert (document.value, document.line(("b", 0))) == ({"a": 1, "b": ["c"]}, 3)
    assert refused(b"a: 1\nb: \xfc\n").subject == "fleet.yml:2"
    assert refused("a: 1\n".encode("utf-16")).code == "bad-encoding"


@settings(deadline=None)
@given(st.text(st.sampled_from("ab1:-?&*!<>|%@`{}[]#,'\"\\ \n\t~.\x07é"), max_size=40))
def test_no_text_gives_another_error(text: str) -> None:
    """Garbage gives documents or one PodliftError, and nothing else."""
    for name in ("x.yml", "x.json", "-"):
        try:
            documents = parse_documents(text.encode(), name=name)
        except PodliftError as error:
            assert error.subject.startswith(name)  # noqa: PT017
        else:
            for document in documents:
                assert all(1 <= line <= text.count("\n") + 1 for line in document.marks.values())


@settings(deadline=None)
@given(
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_what_pyyaml_dumps_is_read_back(value: Any) -> None:
    """The two agree on everything that PyYAML itself found worth quoting."""
    if value in (None, ""):
        return
    assert one(yaml.safe_dump(value, sort_keys=False)).value == value
