import os

import folder_paths

FOLDER = os.path.join(os.path.dirname(os.path.realpath(__file__)), "palettes")
folder_paths.add_model_folder_path("palettes", FOLDER)


class LoadPalette:
    CATEGORY = "practice/colour"
    FUNCTION = "load"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"name": (sorted(os.listdir(FOLDER)),)}}

    def load(self, name):
        with open(os.path.join(FOLDER, name), "rb") as file:
            return (file.read(48).hex(),)


NODE_CLASS_MAPPINGS = {"PracticeLoadPalette": LoadPalette}
