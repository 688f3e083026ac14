"""Workflows: choosing, switching and ordering steps, parameters, starting runs."""
