"""Tests of the import of decoders and of callback references."""

from __future__ import annotations

import sys

import pytest

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.training.decoder_file import CallbackReference, import_decoder

SOURCE = 'def train(data): return 1\nclass Model:\n    def fit(self): pass\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(SOURCE)
    return path


def test_file_is_imported_once_for_all_its_paths(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    (file.parent / 'link.py').symlink_to(file)
    module = import_decoder(str(file))
    for spelling in (
        'mine.py',
        './mine.py',
        'link.py',
        f'{file.parent}/../{file.parent.name}/mine.py',
    ):
        assert import_decoder(spelling) is module
    monkeypatch.setenv('HOME', str(file.parent))
    assert import_decoder('~/mine.py') is module


def test_two_files_of_the_same_name_are_two_modules(tmp_path, file):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'mine.py').write_text('value = 2')
    other = import_decoder(str(tmp_path / 'other' / 'mine.py'))
    assert other is not import_decoder(str(file))
    assert other.value == 2


def test_module_is_imported_by_name():
    assert import_decoder('json.decoder').__name__ == 'json.decoder'


@pytest.mark.parametrize(
    ('reference', 'words'),
    [
        ('nowhere.py', "There is no decoder file 'nowhere.py'"),
        ('/no/where', "There is no decoder file '/no/where'"),
        ('/', "There is no decoder file '/'"),
        ('no_such_module', "There is no decoder module 'no_such_module'"),
        ('json.no_such_module', "There is no decoder module 'json.no_such_module'"),
        ('', "Importing decoder '' failed"),
        ('.relative', "Importing decoder '.relative' failed"),
    ],
)
def test_missing_decoder_raises_with_the_reason(reference, words):
    with pytest.raises(DecoderError) as caught:
        import_decoder(reference)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ('source', 'words'),
    [
        ('def broken(:', 'Importing decoder .* failed: SyntaxError'),
        ('1 / 0', 'Importing decoder .* failed: ZeroDivisionError'),
        ('import no_such_thing', "needs the module 'no_such_thing', which is not installed"),
        ('\0', 'Importing decoder .* failed'),
        ('import sys; sys.exit(3)', 'Importing decoder .* failed: SystemExit: 3'),
    ],
)
def test_failing_file_raises_and_is_not_kept(tmp_path, source, words):
    path = tmp_path / 'broken.py'
    path.write_text(source)
    before = set(sys.modules)
    with pytest.raises(DecoderError, match=words):
        import_decoder(str(path))
    assert not [name for name in set(sys.modules) - before if 'broken' in name]
    path.write_text(SOURCE)  # corrected, it is imported
    assert import_decoder(str(path)).train(None) == 1


def test_file_that_is_not_python_raises(tmp_path):
    path = tmp_path / 'model.txt'
    path.write_text('x')
    with pytest.raises(DecoderError, match='is not a Python file'):
        import_decoder(str(path))


def test_reference_resolves_to_the_function(file):
    module = import_decoder(str(file))
    reference = CallbackReference.from_function(module.train)
    assert reference.file == str(file)
    assert reference.resolve() is module.train
    import json

    reference = CallbackReference.from_function(json.dumps)
    assert (reference.module, reference.file, reference.name) == ('json', '', 'dumps')
    assert reference.resolve() is json.dumps


def test_function_that_cannot_be_imported_has_no_reference(file):
    module = import_decoder(str(file))

    def closure(data):
        return module

    for callback in (
        closure,
        lambda data: 1,
        module.Model().fit,
        module.Model.fit,
        closure.__call__,
    ):
        assert CallbackReference.from_function(callback) is None
    renamed, module.train = module.train, closure
    assert CallbackReference.from_function(renamed) is None
