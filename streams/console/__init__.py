"""The console: what the topics say, as pages that people look at. It only reads."""
