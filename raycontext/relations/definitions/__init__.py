"""What is shown of definitions: documentation, signatures, outlines, whole texts."""
