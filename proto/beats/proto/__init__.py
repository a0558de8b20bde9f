"""The wire format: schema, generated code, codec and type registry. Standard library and protobuf."""
