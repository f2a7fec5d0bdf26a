//! Looks up types and enumerations by name, from the type in which the name is written.

use crate::error::{Place, nearest};
use crate::expr::TypeName;
use crate::load::Loader;
use crate::plan::EnumId;
use crate::plan::TypeId;
use crate::yaml::Node;

impl Loader {
    /// A type by its written name, as seen from `current`.
    pub(super) fn find_type(&mut self, name: &TypeName, current: TypeId, place: Place) -> Option<TypeId> {
        let found = self.look_up(&name.path, name.absolute, current);
        if found.is_some() || self.is_query {
            return found;
        }
        // An opaque type may be described by a file beside this one.
        let file = self.plan.type_of(current).file;
        if self.files.get(file as usize).is_some_and(|file| file.opaque)
            && let [single] = name.path.as_slice()
        {
            self.import(file, single, place)?;
            let known = self.types.len();
            self.declare();
            for late in known..self.types.len() {
                self.attributes_of(TypeId::at(late));
            }
            return self.look_up(&name.path, false, current);
        }
        None
    }

    fn look_up(&self, path: &[String], absolute: bool, current: TypeId) -> Option<TypeId> {
        let (first, rest) = path.split_first()?;
        let child = |of: TypeId, name: &str| self.plan.type_of(of).children.get(name).copied();
        let mut around = Some(current);
        let mut found = None;
        while let Some(id) = around {
            let plan = self.plan.type_of(id);
            if !absolute || plan.outer.is_none() {
                found = child(id, first);
            }
            if found.is_none() && plan.outer.is_none() && plan.name == *first {
                found = Some(id);
            }
            if found.is_some() {
                break;
            }
            around = plan.outer;
        }
        let found = found.or_else(|| self.tops.get(first).copied())?;
        rest.iter().try_fold(found, |of, name| child(of, name))
    }

    /// An enumeration by its written path, as seen from `current`.
    pub(super) fn find_enum(&self, path: &[String], current: TypeId) -> Option<EnumId> {
        let (name, types) = path.split_last()?;
        if !types.is_empty() {
            let of = self.look_up(types, false, current)?;
            return self.plan.type_of(of).enums.get(name.as_str()).copied();
        }
        let mut around = Some(current);
        while let Some(id) = around {
            let plan = self.plan.type_of(id);
            if let Some(&found) = plan.enums.get(name.as_str()) {
                return Some(found);
            }
            around = plan.outer;
        }
        None
    }

    /// The names of the types visible from one, for a hint.
    pub(super) fn visible_types(&self, current: TypeId) -> Vec<String> {
        let mut names: Vec<String> = self.tops.keys().cloned().collect();
        let mut around = Some(current);
        while let Some(plan) = around.map(|id| self.plan.type_of(id)) {
            names.extend(plan.children.keys().map(|name| name.to_string()));
            around = plan.outer;
        }
        names
    }

    pub(super) fn visible_enums(&self, current: TypeId) -> Vec<String> {
        let mut names = Vec::new();
        let mut around = Some(current);
        while let Some(plan) = around.map(|id| self.plan.type_of(id)) {
            names.extend(plan.enums.keys().map(|name| name.to_string()));
            around = plan.outer;
        }
        names
    }

    pub(super) fn unknown_type(&mut self, name: &TypeName, current: TypeId, place: Place) {
        if self.is_full() {
            return;
        }
        let known = self.visible_types(current);
        let builtin = ["u1", "u2", "u4", "u8", "s1", "s2", "s4", "s8", "f4", "f8", "str", "strz", "b1"];
        let name = name.written();
        let hint = nearest(&name, known.iter().map(String::as_str).chain(builtin));
        self.report(place, format!("there is no type '{name}'{hint}"));
    }

    pub(super) fn enumeration_of(&mut self, node: &Node, current: TypeId) -> Option<EnumId> {
        let path: Vec<String> = node.text().unwrap_or_default().split("::").map(str::to_owned).collect();
        let found = self.find_enum(&path, current);
        if found.is_none() && !self.is_full() {
            let known = self.visible_enums(current);
            let name = path.join("::");
            self.report(
                node.place,
                format!("there is no enum '{name}'{}", nearest(&name, known.iter().map(String::as_str))),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{field, loaded, refused};
    use crate::plan::Shape;

    #[test]
    fn a_type_is_found_from_the_inside_outwards() {
        let types = "types: {a: {seq: [{id: x, type: b}], types: {b: {seq: [{id: y, type: u1}]}}}, b: {seq: [{id: z, type: u2}]}}";
        let (plan, _) = loaded("{id: outer, type: b}, {id: inner, type: a}, {id: path, type: 'a::b'}", types);
        let bits = |name| match &field(&plan, name).shape {
            Shape::User(user) => plan.type_of(user.id).fixed_bits,
            other => panic!("{other:?}"),
        };
        assert_eq!((bits("outer"), bits("inner"), bits("path")), (Some(16), Some(8), Some(8)));
        assert_eq!(refused("{id: q, type: c}", types), "there is no type 'c'; did you mean 't'?");
    }
}
