"""Loading of YAML files: duplicate keys, lines of values, invalid files."""

from __future__ import annotations

import pytest

from myogestic_ros.core.yaml_file import YamlError, parse_yaml, read_yaml

TEXT = """# a comment
name: first
limits:
  lower: 0
  upper: [1, 2,
    3]
1: one
name: second
limits:
  {lower: 0, lower: 1}
"""


def test_duplicate_keys_are_listed_with_both_lines():
    document = parse_yaml(TEXT)
    assert document.duplicates == [
        "line 8: duplicate key 'name', first given in line 2",
        "line 9: duplicate key 'limits', first given in line 3",
        "line 10: duplicate key 'lower', first given in line 10",
    ]
    assert document.content == {'name': 'second', 'limits': {'lower': 1}, 1: 'one'}


def test_number_and_its_text_are_different_keys():
    assert parse_yaml("1: a\n'1': b").duplicates == []


def test_merged_keys_may_be_overridden():
    document = parse_yaml('base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  a: 3\n')
    assert document.content['own'] == {'a': 3, 'b': 2}
    assert document.duplicates == []
    assert document.line_of('own', 'a') == 'line 4'


def test_line_of_key_item_and_missing_key():
    document = parse_yaml(TEXT.replace('name: second\nlimits:\n  {lower: 0, lower: 1}\n', ''))
    assert document.line_of('limits', 'upper') == 'line 5'
    assert document.line_of('limits', 'upper', 2) == 'line 6'
    assert document.line_of('limits', 'velocity') == 'line 3'
    assert document.line_of(1) == 'line 7'
    assert document.line_of('absent') == 'line 2'
    assert parse_yaml('').line_of('absent') == 'line 1'


@pytest.mark.parametrize('text', ['', '# only a comment\n'])
def test_empty_file_has_no_content(text):
    assert parse_yaml(text).content is None


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a: 1\nb: [', 'line 2: did not find expected node content'),
        ('a: 1\n? [x, y]\n: 2', 'line 2: expected a name or number as the key'),
        ('2020-01-01: day', 'line 1: expected a name or number as the key'),
        ('a: 2020-13-45', 'is not valid YAML'),
        ('a: !!python/object:os.system {}', 'is not valid YAML: line 1'),
        ('a: &a {b: *a}', 'line 1: an alias contains itself'),
        ('[' * 5000, 'line 1: it is nested deeper than 100 levels'),
        ('a: 1\n---\nb: 2', 'is not valid YAML'),
        ('a: \x00', 'is not valid YAML'),
    ],
)
def test_invalid_yaml_is_refused_with_its_line(text, reason):
    with pytest.raises(YamlError, match=reason):
        parse_yaml(text)


def test_exponentially_nested_aliases_are_refused():
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    lines += [f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 10)]
    with pytest.raises(YamlError, match='line 5: it has more than 100000 values'):
        parse_yaml('\n'.join(lines))


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(YamlError, match='cannot be read: No such file'):
        read_yaml(tmp_path / 'absent.yaml')
    (tmp_path / 'a.yaml').write_bytes(b'a: \xff')
    with pytest.raises(YamlError, match='is not UTF-8 text'):
        read_yaml(tmp_path / 'a.yaml')
    (tmp_path / 'a.yaml').write_bytes(b'# ' + b'x' * 2**20)
    with pytest.raises(YamlError, match='is larger than 1 MiB'):
        read_yaml(tmp_path / 'a.yaml', max_bytes=2**20)


def test_byte_order_mark_is_ignored(tmp_path):
    (tmp_path / 'a.yaml').write_bytes(b'\xef\xbb\xbfa: 1\n')
    assert read_yaml(tmp_path / 'a.yaml').content == {'a': 1}
