"""What `beats doctor` looks at. Nothing here changes anything, or stays open longer than the look takes."""
