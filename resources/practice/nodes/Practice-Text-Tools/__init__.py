from .table import TextTable

NODE_CLASS_MAPPINGS = {"PracticeTextTable": TextTable}
NODE_DISPLAY_NAME_MAPPINGS = {"PracticeTextTable": "Text table"}
