"""Reads extra_model_paths.yaml."""

import logging
import os

import folder_paths


def load_extra_path_config(yaml_path):
    try:
        import yaml
    except ImportError:
        logging.warning("PyYAML is not installed: %s is not read", yaml_path)
        return
    with open(yaml_path, encoding="utf-8") as stream:
        config = yaml.safe_load(stream) or {}
    here = os.path.dirname(os.path.abspath(yaml_path))
    for section in config.values():
        if not isinstance(section, dict):
            continue
        section = dict(section)
        base = os.path.expandvars(os.path.expanduser(section.pop("base_path", "") or ""))
        base = os.path.abspath(os.path.join(here, base)) if base else None
        is_default = bool(section.pop("is_default", False))
        for name, lines in section.items():
            for line in str(lines).split("\n"):
                if line.strip():
                    path = os.path.normpath(os.path.join(base or here, line.strip()))
                    logging.info("Adding extra search path %s %s", name, path)
                    folder_paths.add_model_folder_path(name, path, is_default)
