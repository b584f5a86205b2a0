"""What imports and exports share: the formats of others, and how a transfer tells what it did."""
