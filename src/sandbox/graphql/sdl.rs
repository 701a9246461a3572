//! Our cut of Plain's schema, parsed once.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

pub static SDL: LazyLock<Sdl> = LazyLock::new(|| Sdl::parse(include_str!("schema.graphql")));

pub struct Sdl {
    pub types: HashMap<String, TypeKind>,
}

impl Sdl {
    fn parse(text: &str) -> Self {
        let document =
            parse_schema(text).expect("schema.graphql is part of the program and parses");
        let types = document
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(it) => {
                    Some((it.node.name.node.to_string(), it.node.kind))
                }
                _ => None,
            })
            .collect();
        Self { types }
    }

    /// Fields of an object type; none for anything else.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &FieldDefinition> {
        let fields = match self.types.get(name) {
            Some(TypeKind::Object(object)) => object.fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(|field| &field.node)
    }

    pub fn field(&self, owner: &str, name: &str) -> Option<&FieldDefinition> {
        self.fields(owner).find(|field| field.name.node == name)
    }

    pub fn input_fields(&self, name: &str) -> Option<Vec<&InputValueDefinition>> {
        match self.types.get(name) {
            Some(TypeKind::InputObject(input)) => {
                Some(input.fields.iter().map(|field| &field.node).collect())
            }
            _ => None,
        }
    }

    pub fn is_composite(&self, name: &str) -> bool {
        matches!(self.types.get(name), Some(TypeKind::Object(_) | TypeKind::Union(_)))
    }
}

/// The name inside lists and non-null marks.
pub fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}
