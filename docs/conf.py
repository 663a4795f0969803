"""Configuration of the documentation site: `make docs`, or rosdoc2."""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS / '_ext'), str(ROOT)]

project = 'myogestic_ros'
author = 'The myogestic_ros maintainers'
copyright = '2026, the myogestic_ros maintainers. Apache-2.0'
version = re.search("version = '(.+)'", (ROOT / 'pyproject.toml').read_text())[1]
release = version

# Nothing is downloaded while building: no intersphinx, no fonts, no badges.
extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.viewcode',
    'numpydoc',
    'ros_interfaces',
    'command_line',
]
exclude_patterns = ['_ext', '_templates', 'Thumbs.db', '.DS_Store']
templates_path = ['_templates']

# -- Markdown ---------------------------------------------------------------------------------
myst_enable_extensions = ['colon_fence', 'deflist']
myst_heading_anchors = 4
# Indented blocks and ```text are shown as they are.
highlight_language = 'none'
smartquotes = False  # quotes in texts are those of values

# -- Python -----------------------------------------------------------------------------------
autosummary_generate = True
# Classes that are documented under a second address as well have one entry in the index.
autosummary_context = {
    'no_index_modules': [
        'myogestic_ros.core.streams.filter_spec',
        'myogestic_ros.core.training.training_data',
        'myogestic_ros.decoding.postprocessing.vector_filters',
        'myogestic_ros.estimators',
        'myogestic_ros.filters',
    ]
}
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
autodoc_default_options = {'members': True}
# Not among the ROS wheels that pip installs; a sourced ROS has them.
autodoc_mock_imports = ['launch', 'launch_ros']
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = 'py:obj'
# A module lists the sources of its functions once; not every function cites each of them.
suppress_warnings = ['ref.citation']

# -- HTML -------------------------------------------------------------------------------------
html_theme = 'furo'
html_title = f'myogestic_ros {version}'
html_static_path = ['_static']
html_css_files = ['tables.css']
html_copy_source = False
html_show_sphinx = False


def number_citations(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Turn citations of a list in the module's docstring into plain numbers.

    numpydoc has renamed by now the citations that are defined in the same docstring.
    """
    lines[:] = [re.sub(r'\[(\d+)\]_', r'[\1]', line) for line in lines]


def skip_metadata_routing(
    app: object, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Leave out the methods that scikit-learn adds to every estimator for metadata routing."""
    return True if re.fullmatch('set_\\w+_request', name) else None


def setup(app: object) -> None:
    """Register the hooks of this file."""
    app.connect('autodoc-process-docstring', number_citations, priority=900)
    app.connect('autodoc-skip-member', skip_metadata_routing)
