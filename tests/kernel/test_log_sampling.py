from beats.kernel.log_sampling import is_power_of_ten


def test_only_powers_of_ten_are_logged() -> None:
    """Of a hundred thousand events six are logged."""
    told = [count for count in range(1, 100_001) if is_power_of_ten(count)]
    assert told == [1, 10, 100, 1_000, 10_000, 100_000]
