"""What each stage costs by devices and by workers, and the sizing rule that follows."""
