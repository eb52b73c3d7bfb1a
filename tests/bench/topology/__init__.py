"""What a fold of a large network costs."""
