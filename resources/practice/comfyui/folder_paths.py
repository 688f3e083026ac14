"""Where models, inputs and outputs are."""

import os

from comfy.cli_args import args

base_path = os.path.abspath(args.base_directory or os.path.dirname(os.path.abspath(__file__)))
models_dir = os.path.join(base_path, "models")
output_directory = os.path.abspath(args.output_directory or os.path.join(base_path, "output"))
input_directory = os.path.abspath(args.input_directory or os.path.join(base_path, "input"))
temp_directory = os.path.join(os.path.abspath(args.temp_directory or base_path), "temp")
user_directory = os.path.abspath(args.user_directory or os.path.join(base_path, "user"))

supported_pt_extensions = {".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"}

folder_names_and_paths = {}
for _names in (
    ("checkpoints",), ("configs",), ("loras",), ("vae",), ("text_encoders", "clip"), ("diffusion_models", "unet"),
    ("clip_vision",), ("style_models",), ("embeddings",), ("diffusers",), ("vae_approx",), ("controlnet", "t2i_adapter"),
    ("gligen",), ("upscale_models",), ("hypernetworks",), ("photomaker",), ("classifiers",), ("model_patches",),
    ("audio_encoders",),
):  # fmt: skip
    folder_names_and_paths[_names[0]] = (
        [os.path.join(models_dir, name) for name in _names],
        {".yaml"} if _names[0] == "configs" else supported_pt_extensions,
    )
folder_names_and_paths["custom_nodes"] = ([os.path.join(base_path, "custom_nodes")], set())


def map_legacy(name):
    return {"unet": "diffusion_models", "clip": "text_encoders"}.get(name, name)


def add_model_folder_path(folder_name, full_folder_path, is_default=False):
    name = map_legacy(folder_name)
    paths, _ = folder_names_and_paths.setdefault(name, ([], set()))
    if full_folder_path in paths:
        if not is_default:
            return
        paths.remove(full_folder_path)
    paths.insert(0 if is_default else len(paths), full_folder_path)


def get_folder_paths(folder_name):
    return folder_names_and_paths[map_legacy(folder_name)][0][:]


def get_filename_list(folder_name):
    paths, extensions = folder_names_and_paths[map_legacy(folder_name)]
    found = set()
    for root in paths:
        for folder, _, names in os.walk(root, followlinks=True):
            for name in names:
                if not extensions or os.path.splitext(name)[1].lower() in extensions:
                    found.add(os.path.relpath(os.path.join(folder, name), root))
    return sorted(found)


def get_full_path(folder_name, filename):
    for root in get_folder_paths(folder_name):
        path = os.path.join(root, filename)
        if os.path.isfile(path):
            return path
    return None


def get_output_directory():
    return output_directory


def get_input_directory():
    return input_directory


def get_temp_directory():
    return temp_directory


def get_user_directory():
    return user_directory
