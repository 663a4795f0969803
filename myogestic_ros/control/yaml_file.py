"""YAML whose keys are told when they come twice, where usually the last one wins silently."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ['load_yaml']


def load_yaml(text: str) -> tuple[Any, list[str]]:
    """Return what a text holds, and a sentence for each key that comes twice."""
    twice: list[str] = []

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
        loader.flatten_mapping(node)
        made: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float, bool, type(None))):
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f'line {line}: {key!r} is no name')
            if key in made:
                twice.append(f'{key} comes a second time in line {key_node.start_mark.line + 1}')
            made[key] = loader.construct_object(value_node, deep=True)
        return made

    Loader.add_constructor('tag:yaml.org,2002:map', mapping)
    return yaml.load(text, Loader), twice
