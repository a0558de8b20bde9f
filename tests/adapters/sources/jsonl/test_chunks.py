from beats.adapters.sources.jsonl.chunks import Chunk


def test_more_is_expected_unless_a_read_says_otherwise() -> None:
    """Most reads bring bytes and nothing else."""
    assert Chunk(b"a") == (b"a", "more")
