//! What the product does with Plain.

pub mod gate;
