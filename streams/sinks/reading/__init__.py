"""Decodes topics into blocks of numbers; fields that a sink does not use are not decoded."""
