"""The expression language of profiles: parser, compiler and evaluation; absent values carry a reason."""
