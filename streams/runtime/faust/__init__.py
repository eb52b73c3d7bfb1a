"""The only code that depends on Faust, mode and aiokafka's internals."""
