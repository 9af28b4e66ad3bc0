"""The part of kustomize that k8s/ uses, so that its tests need no program of the cluster's.

tests/deploy/test_kustomize.py holds it against the real one where that is installed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
ROOT = Path(__file__).parents[2] / "k8s"
_MERGE_KEYS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists that a strategic merge patch merges by key; others it replaces."""
_KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "patches", "images"}
_REFERENCES = {"configMapRef", "configMapKeyRef", "configMap"}
_HASH_LETTERS = str.maketrans("013ae", "ghkmt")
_UNHASHED = "unhashed"


def render(folder: Path) -> list[Resource]:
    """What ``kustomize build`` gives for a folder, in no particular order. Raises ValueError for what is not known."""
    resources = _accumulate(folder)
    new_names = {r["metadata"]["name"]: _hashed_name(r) for r in resources if r.pop(_UNHASHED, False)}
    for resource in resources:
        if resource["kind"] == "ConfigMap":
            name = resource["metadata"]["name"]
            resource["metadata"]["name"] = new_names.get(name, name)
        _rename_references(resource, new_names)
    return resources


def _accumulate(folder: Path) -> list[Resource]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := set(kustomization) - _KNOWN:
        raise ValueError(f"{folder}: {unknown} is not implemented here")
    resources: list[Resource] = []
    for name in kustomization.get("resources", []):
        path = folder / name
        resources += _accumulate(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for generator in kustomization.get("configMapGenerator", []):
        _generate(resources, folder, generator)
    for patch in kustomization.get("patches", []):
        change = yaml.safe_load((folder / patch["path"]).read_text())
        _merge(_find(resources, change["kind"], change["metadata"]["name"]), change)
    for image in kustomization.get("images", []):
        _set_image(resources, image)
    return resources


def _find(resources: list[Resource], kind: str, name: str) -> Resource:
    (found,) = [r for r in resources if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def _generate(resources: list[Resource], folder: Path, generator: dict[str, Any]) -> None:
    data = dict(literal.split("=", 1) for literal in generator.get("literals", []))
    data |= {name: (folder / name).read_text() for name in generator.get("files", [])}
    if generator.get("behavior") == "merge":
        _find(resources, "ConfigMap", generator["name"])["data"] |= data
        return
    options = generator.get("options", {})
    metadata = {"name": generator["name"]} | ({"labels": options["labels"]} if "labels" in options else {})
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    resources.append(made | {_UNHASHED: not options.get("disableNameSuffixHash", False)})


def _merge(target: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        key = _MERGE_KEYS.get(name)
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        elif key and name in target:
            known = {item[key]: item for item in target[name]}
            for item in value:
                if item[key] in known:
                    _merge(known[item[key]], item)
                else:
                    target[name].append(item)
        else:
            target[name] = value


def _set_image(node: Any, image: dict[str, str]) -> None:
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _set_image(child, image)
    if isinstance(node, dict) and str(node.get("image", "")).split(":")[0] == image["name"]:
        node["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def _rename_references(node: Any, new_names: dict[str, str]) -> None:
    for name, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if name in _REFERENCES and isinstance(child, dict) and child.get("name") in new_names:
            child["name"] = new_names[child["name"]]
        _rename_references(child, new_names)


def _hashed_name(config_map: Resource) -> str:
    name = config_map["metadata"]["name"]
    canonical = json.dumps(
        {"data": config_map["data"], "kind": "ConfigMap", "name": ""},  # the real one finds no name there
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    for character in "<>&":  # as Go's encoder writes them
        canonical = canonical.replace(character, f"\\u{ord(character):04x}")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{name}-{digest[:10].translate(_HASH_LETTERS)}"
