"""The public Python interface behind `raycontext.connect()`."""
