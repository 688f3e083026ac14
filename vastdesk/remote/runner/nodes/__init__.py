"""What the steps that install and verify custom nodes are made of."""
