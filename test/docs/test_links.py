"""Links, anchors, commands and quoted messages in the docs exist."""

from __future__ import annotations

import ast
import re
from urllib.parse import urlsplit

import pytest
from support.paths import ROOT

PAGES = [ROOT / 'README.md', ROOT / 'CHANGELOG.md', *sorted((ROOT / 'docs').rglob('*.md'))]
PAGES = [page for page in PAGES if 'generated' not in page.parts]
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')


def ids(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


def prose(page):
    """Return a page without its blocks of code and its code spans."""
    text = re.sub(r'^```.*?^```$', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r'^ {4}.*$', '', text, flags=re.MULTILINE)
    return re.sub(r'`[^`\n]*`', '', text)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r'^```.*?^```$', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r'^#+ (.+)$', text, flags=re.MULTILINE)
    return [re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles]


@pytest.mark.parametrize('page', PAGES, ids=ids(PAGES))
def test_links_and_anchors_exist(page):
    for target in LINK.findall(prose(page)):
        if '://' in target:
            parts = urlsplit(target)
            assert parts.scheme == 'https', target
            assert '.' in parts.netloc, target
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize('page', PAGES, ids=ids(PAGES))
def test_headings_of_a_page_have_different_anchors(page):
    if page.name != 'CHANGELOG.md':  # each release has its "Added" and "Changed"
        found = anchors(page)
        assert len(set(found)) == len(found)


def test_every_page_is_in_a_table_of_contents():
    listed = {ROOT / 'docs' / 'index.md'}
    for page in (ROOT / 'docs').rglob('*.md'):
        for block in re.findall(r'```\{toctree\}\n(.*?)```', page.read_text(), flags=re.DOTALL):
            names = [line for line in block.split() if not line.startswith(':')]
            listed |= {page.parent / f'{name}.md' for name in names}
    pages = {page for page in PAGES if page.is_relative_to(ROOT / 'docs')}
    assert pages <= listed


def test_commands_of_ros2_name_launch_files_executables_and_interfaces_that_exist():
    project = (ROOT / 'pyproject.toml').read_text()
    scripts = re.findall(r"^(?:myogestic-)?([\w-]+) = '[\w.]+:main'", project, flags=re.MULTILINE)
    executables = set(scripts)
    found = 0
    for page in PAGES:
        text = page.read_text()
        for name in re.findall(r'ros2 launch myogestic_ros (\S+\.launch\.py)', text):
            assert (ROOT / 'launch' / name).is_file(), (page, name)
            found += 1
        for name in re.findall(r'ros2 run myogestic_ros (\w+)', text):
            assert name in executables, (page, name)
            found += 1
        for kind, name in re.findall(r'myogestic_ros/(msg|srv|action)/(\w+)', text):
            assert (ROOT / kind / f'{name}.{kind}').is_file(), (page, name)
            found += 1
    assert found > 30


def messages():
    """Return all strings of the package; each value in an f-string is written as '…'."""
    found = set()
    for file in (ROOT / 'myogestic_ros').rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else '…' for p in node.values]
                found.add(''.join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def is_message(quoted, templates, text):
    """Tell whether a quoted message is one of the code's, with '…' for values on either side."""
    fragments = [part.strip(" :;.,'") for part in quoted.split('…')]
    if all(part in text for part in fragments if len(part) > 5) and max(map(len, fragments)) > 9:
        return True
    return any(re.fullmatch(template, quoted) for template in templates)


def test_messages_that_troubleshooting_quotes_are_in_the_code():
    page = (ROOT / 'docs' / 'faq.md').read_text()
    headings = re.findall(r'^### (`.+`)$', page, flags=re.MULTILINE)
    quotes = [quote for heading in headings for quote in re.findall(r'`([^`]+)`', heading)]
    assert len(quotes) > 20
    found = messages()
    templates = [
        re.escape(message).replace('…', '.+')
        for message in found
        if '…' in message and len(message.replace('…', '')) > 12
    ]
    text = '\n'.join(found)
    assert [quote for quote in quotes if not is_message(quote, templates, text)] == []
