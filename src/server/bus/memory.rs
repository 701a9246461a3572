//! The bus of a single instance: everything in memory.
