"""One poll by a profile: what is asked, and how the answers become samples."""
