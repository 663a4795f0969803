"""Decoders by path, module or name; what is wrong with them, in a sentence."""

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


def test_a_file_is_imported_once_whatever_its_spelling(file, monkeypatch):
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


def test_two_files_of_one_name_are_two_modules(tmp_path, file):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'mine.py').write_text('value = 2')
    other = import_decoder(str(tmp_path / 'other' / 'mine.py'))
    assert other is not import_decoder(str(file))
    assert other.value == 2


def test_a_module_by_name():
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
def test_none_there(reference, words):
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
def test_files_that_fail(tmp_path, source, words):
    path = tmp_path / 'broken.py'
    path.write_text(source)
    before = set(sys.modules)
    with pytest.raises(DecoderError, match=words):
        import_decoder(str(path))
    assert not [name for name in set(sys.modules) - before if 'broken' in name]
    path.write_text(SOURCE)  # mended, it is imported
    assert import_decoder(str(path)).train(None) == 1


def test_a_file_that_is_no_python(tmp_path):
    path = tmp_path / 'model.txt'
    path.write_text('x')
    with pytest.raises(DecoderError, match='is not a Python file'):
        import_decoder(str(path))


def test_references_lead_back_to_the_function(file):
    module = import_decoder(str(file))
    reference = CallbackReference.from_function(module.train)
    assert reference.file == str(file)
    assert reference.resolve() is module.train
    import json

    reference = CallbackReference.from_function(json.dumps)
    assert (reference.module, reference.file, reference.name) == ('json', '', 'dumps')
    assert reference.resolve() is json.dumps


def test_what_cannot_be_found_again_has_no_reference(file):
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
