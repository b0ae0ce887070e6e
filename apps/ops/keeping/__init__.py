"""One shop, alone: kept in a file, made again from it, erased with what the law wants kept."""
