"""The helpers that nearly every custom node imports."""


class ProgressBar:
    def __init__(self, total, node_id=None):
        self.total, self.current, self.node_id = total, 0, node_id

    def update_absolute(self, value, total=None, preview=None):
        self.total = self.total if total is None else total
        self.current = min(value, self.total)

    def update(self, value):
        self.update_absolute(self.current + value)
