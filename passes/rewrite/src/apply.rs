//! Rules at work: searching for the left form, checking the right one, adding it.
//!
//! Nothing is added before its types are known to fit. What does not fit, or holds a constant that is
//! not finite, is rejected and told.

use crate::facts::{Applied, Classes, Fact, Facts, Rejected, Value, fact, infer, value};
use crate::fold;
use crate::lang::Node;
use crate::rule::{Bindings, Bound, Match, Rule, expand};
use egg::{
    Applier, ENodeOrVar, Id, MultiPattern, Pattern, PatternAst, RecExpr, Rewrite, SearchMatches, Searcher, Subst,
    Symbol, Var,
};
use std::sync::Arc;
use tinyc_core::types::Type;

/// One or more forms, each of a value that has a name or is the root of the match.
#[derive(Clone, Debug)]
pub struct Form {
    pub of: Option<Var>,
    pub ast: RecExpr<ENodeOrVar<Node>>,
}

/// The forms that a rule's side is made of.
pub fn forms(text: &str) -> Result<Vec<Form>, String> {
    if !text.starts_with('?') || !text.contains(" = ") {
        let ast = text.parse::<Pattern<Node>>().map_err(|e| format!("{text}: {e}"))?.ast;
        return Ok(vec![Form { of: None, ast }]);
    }
    let clause = |clause: &str| {
        let (name, form) = clause.trim().split_once(" = ").ok_or_else(|| format!("{clause}: no ` = `"))?;
        let of = name.parse().map_err(|e| format!("{name}: {e}"))?;
        let ast = form.parse::<Pattern<Node>>().map_err(|e| format!("{form}: {e}"))?.ast;
        Ok(Form { of: Some(of), ast })
    };
    text.split(',').map(clause).collect()
}

/// Conditions of a rule, and what it computes.
type Bind = Arc<dyn Fn(&Match<'_>) -> Option<Bindings> + Send + Sync>;

/// A rule for a number of operands where it says `...`.
#[derive(Clone)]
pub struct Compiled {
    pub rule: &'static Rule,
    bind: Bind,
    many: usize,
    from: Vec<Form>,
    to: Vec<Form>,
}

impl Compiled {
    pub fn new(rule: &'static Rule, many: usize) -> Result<Compiled, String> {
        let (from, to) = (forms(&expand(rule.from, many))?, forms(&expand(rule.to, many))?);
        Ok(Compiled { rule, bind: Arc::new(rule.bind), many, from, to })
    }

    /// The rule with another right side, over what `change` makes of the rule's attributes and constants:
    /// what tests of the tests need.
    #[cfg(test)]
    pub fn changed(&self, to: Vec<Form>, change: impl Fn(Bindings) -> Bindings + Send + Sync + 'static) -> Compiled {
        let bind = self.bind.clone();
        Compiled { bind: Arc::new(move |m| bind(m).map(&change)), to, ..self.clone() }
    }

    #[cfg(test)]
    pub fn forms(&self) -> (&[Form], &[Form]) {
        (&self.from, &self.to)
    }

    /// The first place where the rule applies, and what it computes there.
    #[cfg(test)]
    pub fn first(&self, classes: &Classes) -> Option<(Id, Subst, Bindings)> {
        let searcher = self.searcher();
        let found = searcher.search(classes);
        let all = found.iter().flat_map(|m| m.substs.iter().map(|s| (m.eclass, s)));
        all.into_iter().find_map(|(root, s)| Some((root, s.clone(), (self.bind)(&self.match_at(classes, root, s))?)))
    }

    /// The forms of the right side of the first place where the rule applies, each with the class that it
    /// is to join and does not.
    #[cfg(test)]
    pub fn apart(&self, classes: &mut Classes) -> Option<Vec<(Id, Id)>> {
        let (root, subst, bound) = self.first(classes)?;
        let forms = self.checked(classes, root, &subst, &bound).ok()?;
        Some(forms.into_iter().map(|(target, pieces)| (target, add(classes, pieces).0)).collect())
    }

    /// For egg.
    pub fn rewrite(&self) -> Result<Rewrite<Node, Facts>, String> {
        // Egg wants a name of its own for each.
        Rewrite::new(format!("{}-{}", self.rule.name, self.many), self.searcher(), self.clone())
    }

    fn searcher(&self) -> Boxed {
        Boxed(match &*self.from {
            [Form { of: None, ast }] => Box::new(Pattern::<Node>::new(ast.clone())),
            several => {
                let named = several.iter().filter_map(|f| Some((f.of?, f.ast.clone()))).collect();
                Box::new(MultiPattern::new(named))
            }
        })
    }
}

/// Egg takes no boxed searcher.
struct Boxed(Box<dyn Searcher<Node, Facts> + Send + Sync>);

impl Searcher<Node, Facts> for Boxed {
    fn search_eclass_with_limit(&self, c: &Classes, id: Id, limit: usize) -> Option<SearchMatches<'_, Node>> {
        self.0.search_eclass_with_limit(c, id, limit)
    }

    fn search_with_limit(&self, c: &Classes, limit: usize) -> Vec<SearchMatches<'_, Node>> {
        self.0.search_with_limit(c, limit)
    }

    fn vars(&self) -> Vec<Var> {
        self.0.vars()
    }
}

/// What a name or a node of the right form is before anything is added.
#[derive(Clone)]
enum Piece {
    Class(Id),
    Bound(Bound),
    New(Node, Fact),
}

impl Compiled {
    fn match_at<'a>(&self, classes: &'a Classes, root: Id, subst: &'a Subst) -> Match<'a> {
        Match { classes, subst, root, many: self.many }
    }

    /// The nodes of the right form, with types, but in no class yet.
    fn pieces(&self, classes: &Classes, form: &Form, subst: &Subst, bound: &Bindings) -> Result<Vec<Piece>, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        for node in form.ast.as_ref() {
            let piece = match node {
                ENodeOrVar::Var(v) => {
                    match (bound.0.iter().find(|(n, _)| n.parse().is_ok_and(|n: Var| n == *v)), subst.get(*v)) {
                        (Some((_, Bound::Same(other))), _) => {
                            let var = other.parse().map_err(|_| format!("{other} is no name"))?;
                            Piece::Class(*subst.get(var).ok_or_else(|| format!("{other} is not in the pattern"))?)
                        }
                        (Some((_, bound)), _) => Piece::Bound(bound.clone()),
                        (None, Some(id)) => Piece::Class(*id),
                        (None, None) => return Err(format!("nothing is bound to {v}")),
                    }
                }
                ENodeOrVar::ENode(node) => {
                    let facts: Vec<Fact> =
                        node_children(node).iter().map(|c| pieces[usize::from(*c)].fact(classes)).collect();
                    let new = match node {
                        Node::Op(op, _) => Fact::Value(Value::of_type(infer(*op, &facts)?)),
                        Node::Get(i, _) => match &facts[..] {
                            [Fact::Value(Value { ty: Type::Tuple(parts), .. })] if parts.len() > *i as usize => {
                                Fact::Value(Value::of_type(Type::Tensor(parts[*i as usize].clone())))
                            }
                            _ => return Err(format!("there is no result {i}")),
                        },
                        Node::Absent => Fact::Absent,
                        other => return Err(format!("{other} in a pattern")),
                    };
                    Piece::New(node.clone(), new)
                }
            };
            pieces.push(piece);
        }
        Ok(pieces)
    }
}

fn node_children(node: &Node) -> &[Id] {
    egg::Language::children(node)
}

impl Piece {
    fn fact(&self, classes: &Classes) -> Fact {
        match self {
            Piece::Class(id) => fact(classes, *id).clone(),
            Piece::New(_, fact) => fact.clone(),
            Piece::Bound(Bound::Attrs(attrs)) => Fact::Attrs(attrs.clone()),
            Piece::Bound(Bound::Tensor(t)) => Fact::Value(Value::of_constant(t.clone())),
            Piece::Bound(Bound::Absent) => Fact::Absent,
            Piece::Bound(Bound::Same(_)) => unreachable!("resolved when the piece was made"),
        }
    }
}

/// Adds a form; operators among its nodes, and those of them that were not there.
fn add(classes: &mut Classes, pieces: Vec<Piece>) -> (Id, Vec<Node>, Vec<Node>) {
    let mut ids: Vec<Id> = Vec::new();
    let (mut operators, mut new) = (Vec::new(), Vec::new());
    for piece in pieces {
        let id = match piece {
            Piece::Class(id) => id,
            Piece::Bound(Bound::Attrs(attrs)) => classes.add(Node::Attrs(attrs)),
            Piece::Bound(Bound::Tensor(t)) => {
                let leaf = Node::Const(classes.analysis.constant(&t));
                classes.add(leaf)
            }
            Piece::Bound(Bound::Absent) => classes.add(Node::Absent),
            Piece::Bound(Bound::Same(_)) => unreachable!("resolved when the piece was made"),
            Piece::New(node, _) => {
                let node = egg::Language::map_children(node, |c| classes.find(ids[usize::from(c)]));
                if matches!(node, Node::Op(..)) {
                    operators.push(node.clone());
                    if classes.lookup(node.clone()).is_none() {
                        new.push(node.clone());
                    }
                }
                classes.add(node)
            }
        };
        ids.push(id);
    }
    (*ids.last().expect("a form has nodes"), operators, new)
}

/// The operators that the left form matched.
fn matched(classes: &Classes, form: &Form, subst: &Subst) -> Vec<Node> {
    let mut ids: Vec<Option<Id>> = Vec::new();
    let mut nodes = Vec::new();
    for node in form.ast.as_ref() {
        ids.push(match node {
            ENodeOrVar::Var(v) => subst.get(*v).copied(),
            ENodeOrVar::ENode(node) if node_children(node).iter().all(|c| ids[usize::from(*c)].is_some()) => {
                let node = egg::Language::map_children(node.clone(), |c| {
                    classes.find(ids[usize::from(c)].unwrap_or_else(|| unreachable!("all are there")))
                });
                let id = classes.lookup(node.clone());
                nodes.extend(matches!(node, Node::Op(..)).then_some(node));
                id
            }
            ENodeOrVar::ENode(_) => None,
        });
    }
    nodes
}

impl Applier<Node, Facts> for Compiled {
    fn apply_one(
        &self,
        classes: &mut Classes,
        root: Id,
        subst: &Subst,
        _: Option<&PatternAst<Node>>,
        _: Symbol,
    ) -> Vec<Id> {
        let key = (self.rule.name, self.many, subst.clone());
        if classes.analysis.seen.contains(&key) {
            return Vec::new();
        }
        let Some(bound) = (self.bind)(&self.match_at(classes, root, subst)) else { return Vec::new() };
        classes.analysis.seen.insert(key);
        let mut changed = Vec::new();
        match self.checked(classes, root, subst, &bound) {
            Ok(forms) => {
                let before = self.from.iter().flat_map(|f| matched(classes, f, subst)).collect();
                let (mut after, mut news) = (Vec::new(), Vec::new());
                for (target, pieces) in forms {
                    let (id, operators, new) = add(classes, pieces);
                    after.extend(operators);
                    news.extend(new);
                    if classes.union(target, id) {
                        changed.push(id);
                    }
                }
                if !changed.is_empty() || !news.is_empty() {
                    let facts = &mut classes.analysis;
                    let n = facts.applied.len();
                    news.into_iter().for_each(|node| {
                        facts.made_by.entry(node).or_insert(n);
                    });
                    facts.applied.push(Applied { rule: self.rule.name, before, after, root });
                }
            }
            Err(reason) => {
                let rejected = Rejected { rule: self.rule.name, root, reason };
                if !classes.analysis.rejected.contains(&rejected) {
                    classes.analysis.rejected.push(rejected);
                }
            }
        }
        changed
    }
}

impl Compiled {
    /// The right forms, with the class that each is to join, when all of them fit.
    fn checked(
        &self,
        classes: &Classes,
        root: Id,
        subst: &Subst,
        bound: &Bindings,
    ) -> Result<Vec<(Id, Vec<Piece>)>, String> {
        for (name, b) in &bound.0 {
            if let Bound::Tensor(t) = b
                && !fold::is_finite(t)
            {
                return Err(format!("the constant {name} has elements that are not finite"));
            }
        }
        let mut all = Vec::new();
        for form in &self.to {
            let target = form.of.map_or(Some(root), |v| subst.get(v).copied()).ok_or("a form of no value")?;
            let pieces = self.pieces(classes, form, subst, bound)?;
            let last = pieces.last().expect("a form has nodes").fact(classes);
            let (Fact::Value(new), Some(old)) = (last, value(classes, target)) else {
                return Err("a form is no value".into());
            };
            if new.ty != old.ty {
                return Err(format!("{} becomes {}", old.ty, new.ty));
            }
            all.push((target, pieces));
        }
        Ok(all)
    }
}

/// Keys of [`Facts::seen`].
pub type Place = (&'static str, usize, Subst);

/// Rules for the numbers of operands that occur.
pub fn compile(rules: impl IntoIterator<Item = &'static Rule>, arities: &[usize]) -> Result<Vec<Compiled>, String> {
    let mut all = Vec::new();
    for rule in rules {
        if rule.from.contains("...") {
            for &n in arities {
                all.push(Compiled::new(rule, n)?);
            }
        } else {
            all.push(Compiled::new(rule, 0)?);
        }
    }
    Ok(all)
}
