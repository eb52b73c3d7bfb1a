"""The only room that knows Faust, mode and what is inside aiokafka."""
