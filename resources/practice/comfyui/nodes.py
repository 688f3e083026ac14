"""The nodes of the look-alike, and the loader of custom nodes: it imports them for real."""

import importlib.util
import logging
import os
import sys
import time
import traceback

import folder_paths
from comfy.cli_args import args


class EmptyText:
    """One node of its own, so that the list is not empty."""

    CATEGORY = "practice"
    FUNCTION = "make"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": ""})}}

    def make(self, text):
        return (text,)


NODE_CLASS_MAPPINGS = {"PracticeEmptyText": EmptyText}
NODE_DISPLAY_NAME_MAPPINGS = {"PracticeEmptyText": "Empty text"}
EXTENSION_WEB_DIRS = {}
LOADED_MODULE_DIRS = {}


def module_name_of(path):
    name = os.path.basename(path.rstrip("/"))
    return os.path.splitext(name)[0] if os.path.isfile(path) else name


def wanted(name):
    """Whether the entry `name` of a custom_nodes folder is to be loaded."""
    if args.disable_all_custom_nodes and name not in args.whitelist_custom_nodes:
        return False
    return name != "__pycache__" and not name.startswith(".") and not name.endswith(".disabled")


def candidates():
    for folder in folder_paths.get_folder_paths("custom_nodes"):
        for name in sorted(os.listdir(os.path.realpath(folder))) if os.path.isdir(folder) else []:
            path = os.path.join(os.path.realpath(folder), name)
            if wanted(name) and (os.path.isdir(path) or name.endswith(".py")):
                yield path


def load_custom_node(path, ignore=frozenset()):
    """Import one custom node; True when it brought classes."""
    name = module_name_of(path)
    # A dot in a folder name would make importlib look for a parent package.
    module_key = path.replace(".", "_x_") if os.path.isdir(path) else name
    try:
        entry = os.path.join(path, "__init__.py") if os.path.isdir(path) else path
        spec = importlib.util.spec_from_file_location(module_key, entry)
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_key] = module
        spec.loader.exec_module(module)
        LOADED_MODULE_DIRS[name] = os.path.abspath(os.path.dirname(entry))
        web = getattr(module, "WEB_DIRECTORY", None)
        if web and os.path.isdir(os.path.join(path, web)):
            EXTENSION_WEB_DIRS[name] = os.path.join(path, web)
        mappings = getattr(module, "NODE_CLASS_MAPPINGS", None)
        if mappings is None:
            logging.warning(
                f"Skip {path} module for custom nodes due to the lack of NODE_CLASS_MAPPINGS or NODES_LIST (need one)."
            )
            return False
        for class_name, node_class in mappings.items():
            if class_name not in ignore:
                NODE_CLASS_MAPPINGS[class_name] = node_class
                node_class.RELATIVE_PYTHON_MODULE = f"custom_nodes.{name}"
        NODE_DISPLAY_NAME_MAPPINGS.update(getattr(module, "NODE_DISPLAY_NAME_MAPPINGS", None) or {})
        return True
    except Exception as error:
        logging.warning(traceback.format_exc())
        logging.warning(f"Cannot import {path} module for custom nodes: {error}")
        return False


def execute_prestartup_scripts():
    times = []
    for path in candidates():
        script = os.path.join(path, "prestartup_script.py")
        if not os.path.isfile(script):
            continue
        begin = time.perf_counter()
        works = True
        try:
            spec = importlib.util.spec_from_file_location("custom_node_prestartup", script)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except Exception as error:
            logging.error(f"Failed to execute startup-script: {script} / {error}")
            works = False
        times.append((time.perf_counter() - begin, path, works))
    print_times("Prestartup times for custom nodes:", "PRESTARTUP FAILED", times)


def init_extra_nodes():
    own = frozenset(NODE_CLASS_MAPPINGS)
    times = []
    for path in candidates():
        begin = time.perf_counter()
        works = load_custom_node(path, own)
        times.append((time.perf_counter() - begin, path, works))
    print_times("Import times for custom nodes:", "IMPORT FAILED", times)


def print_times(title, failure, times):
    if not times:
        return
    logging.info(f"\n{title}")
    for seconds, path, works in sorted(times):
        logging.info("{:6.1f} seconds{}: {}".format(seconds, "" if works else f" ({failure})", path))
    logging.info("")
