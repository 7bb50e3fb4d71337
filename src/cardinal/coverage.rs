//! `coverage`: how often each path of the data is not empty.

use std::collections::BTreeMap;

use super::scan::{Invalid, Scanner};
use super::tree::Tree;

/// The paths that were seen, as a tree of their parts, and how often each was not empty.
#[derive(Debug)]
pub(super) struct Paths {
    nodes: Vec<Node>,
    /// Nodes that are not empty in the line that is read; counted once the line is known to be JSON.
    line: Vec<u32>,
    /// Counts the objects that were read, to see a key that repeats in one.
    objects: u64,
    repeated: bool,
}

#[derive(Debug, Default)]
struct Node {
    count: u64,
    /// The object in which this member was seen last.
    object: u64,
    /// What follows, and its node: members after `/`, in the order in which they appeared.
    members: Vec<(Box<str>, u32)>,
    slash: u32,
    element: u32,
}

const ROOT: u32 = 0;

impl Default for Paths {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], line: Vec::new(), objects: 0, repeated: false }
    }
}

impl Paths {
    /// Counts one line, unless it is no JSON.
    pub(super) fn add(&mut self, line: &str) -> Result<(), Invalid> {
        self.line.clear();
        self.repeated = false;
        let mut scanner = Scanner::new(line);
        let read = self.value(&mut scanner, ROOT).and_then(|_| scanner.end());
        read?;
        if self.repeated {
            // Of a key that repeats only the last value counts.
            self.line.clear();
            let tree = Tree::read(line)?;
            self.tree(&tree, ROOT);
        }
        for node in &self.line {
            self.nodes[*node as usize].count += 1;
        }
        Ok(())
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        // Paths are published field names: there are fewer than four billion.
        u32::try_from(self.nodes.len() - 1).unwrap_or(ROOT)
    }

    fn slash(&mut self, node: u32) -> u32 {
        if self.nodes[node as usize].slash == ROOT {
            self.nodes[node as usize].slash = self.node();
        }
        self.nodes[node as usize].slash
    }

    fn element(&mut self, node: u32) -> u32 {
        if self.nodes[node as usize].element == ROOT {
            self.nodes[node as usize].element = self.node();
        }
        self.nodes[node as usize].element
    }

    /// The node of a member; `expected` is where it is looked for first, since objects repeat their order.
    fn member(&mut self, slash: u32, key: &str, expected: &mut usize) -> u32 {
        let members = &self.nodes[slash as usize].members;
        let found = members.get(*expected).is_some_and(|(name, _)| **name == *key).then_some(*expected);
        let found = found.or_else(|| members.iter().position(|(name, _)| **name == *key));
        if let Some(at) = found {
            *expected = at + 1;
            return members[at].1;
        }
        let node = self.node();
        let members = &mut self.nodes[slash as usize].members;
        members.push((key.into(), node));
        *expected = members.len();
        node
    }

    /// Whether the next value is not empty.
    fn value(&mut self, scanner: &mut Scanner<'_>, node: u32) -> Result<bool, Invalid> {
        let full = match scanner.next() {
            b'"' => scanner.text()?.is_some_and(|text| !text.is_empty()),
            b'[' => {
                let element = self.element(node);
                let mut full = false;
                scanner.array(|scanner| {
                    full |= self.value(scanner, element)?;
                    Ok(())
                })?;
                full
            }
            b'{' => {
                let slash = self.slash(node);
                self.objects += 1;
                let object = self.objects;
                let mut full = false;
                let mut expected = 0;
                scanner.object(|scanner, key| {
                    let member = self.member(slash, key, &mut expected);
                    self.repeated |= std::mem::replace(&mut self.nodes[member as usize].object, object) == object;
                    full |= self.value(scanner, member)?;
                    Ok(())
                })?;
                if full {
                    self.line.push(slash);
                }
                full
            }
            first => {
                scanner.skip()?;
                first != b'n'
            }
        };
        if full {
            self.line.push(node);
        }
        Ok(full)
    }

    /// As [`Self::value`], of a value that is read already.
    fn tree(&mut self, tree: &Tree<'_>, node: u32) -> bool {
        let full = match tree {
            Tree::Null => false,
            Tree::Bool(_) | Tree::Number(_) => true,
            Tree::Text(text) => !text.is_empty(),
            Tree::Array(array) => {
                let element = self.element(node);
                array.iter().fold(false, |full, tree| self.tree(tree, element) | full)
            }
            Tree::Object(object) => {
                let slash = self.slash(node);
                let mut expected = 0;
                let full = object.members.iter().fold(false, |full, (key, tree)| {
                    let member = self.member(slash, key, &mut expected);
                    self.tree(tree, member) | full
                });
                if full {
                    self.line.push(slash);
                }
                full
            }
        };
        if full {
            self.line.push(node);
        }
        full
    }

    /// Adds the counts to those of other lines, by path. Different nodes may have the same path.
    pub(super) fn counts(&self, counts: &mut BTreeMap<String, u64>) {
        self.collect(ROOT, &mut String::new(), counts);
    }

    fn collect(&self, node: u32, path: &mut String, counts: &mut BTreeMap<String, u64>) {
        let node = &self.nodes[node as usize];
        if node.count > 0 {
            *counts.entry(path.clone()).or_default() += node.count;
        }
        let length = path.len();
        if node.element != ROOT {
            path.push_str("[]");
            self.collect(node.element, path, counts);
            path.truncate(length);
        }
        if node.slash != ROOT {
            path.push('/');
            self.collect(node.slash, path, counts);
            path.truncate(length);
        }
        for (name, member) in &node.members {
            path.push_str(name);
            self.collect(*member, path, counts);
            path.truncate(length);
        }
    }
}
