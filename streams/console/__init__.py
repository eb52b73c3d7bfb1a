"""The web console: shows the contents of the topics as pages and as an API. It only reads."""
