"""What `mailroom doctor` looks at: one function a check."""
