def to_multiple(value, of):
    return max(of, round(value / of) * of)
