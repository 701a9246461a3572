//! The Plain workspace in a box.
