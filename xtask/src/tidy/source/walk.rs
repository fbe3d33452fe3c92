//! The way through one file that gathers what the rules need from the code outside tests.

use super::{At, Function, Name, TestModule};
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// `#[cfg(test)]`, `#[test]`, `#[tokio::test]` and the like.
pub(super) fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        if attr.path().is_ident("cfg") {
            let condition = match &attr.meta {
                syn::Meta::List(list) => list.tokens.to_string(),
                _ => String::new(),
            };
            return condition == "test" || (condition.starts_with("all") && condition.contains("test"));
        }
        attr.path().segments.last().is_some_and(|s| s.ident == "test")
    })
}

/// The file that `#[path = "…"]` names.
fn path_of(attrs: &[syn::Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Gathers what the rules need from the code outside tests.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) test_lines: usize,
    pub(super) functions: Vec<At<Function>>,
    pub(super) async_functions: Vec<At<String>>,
    pub(super) names: Vec<At<Name>>,
    pub(super) panics: Vec<At<String>>,
    pub(super) test_modules: Vec<TestModule>,
}

impl Walk {
    /// Leaves out a test; true if it was one.
    fn skip(&mut self, attrs: &[syn::Attribute], span: proc_macro2::Span) -> bool {
        let test = is_test(attrs);
        if test {
            let first = attrs.iter().map(|a| a.span().start().line).min().unwrap_or(span.start().line);
            self.test_lines += span.end().line + 1 - first;
        }
        test
    }

    fn function(&mut self, signature: &syn::Signature, whole: proc_macro2::Span) {
        let line = signature.span().start().line;
        let name = signature.ident.to_string();
        if signature.asyncness.is_some() {
            self.async_functions.push(At { line, it: name.clone() });
        }
        self.functions.push(At { line, it: Function { name, lines: whole.end().line + 1 - line } });
    }

    fn name(&mut self, line: usize, parts: Vec<String>, alias: Option<String>, reexport: bool) {
        self.names.push(At { line, it: Name { parts, alias, reexport } });
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>, reexport: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.use_tree(&path.tree, before, reexport);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|t| self.use_tree(t, before, reexport)),
            syn::UseTree::Name(name) => {
                let (line, last) = (name.ident.span().start().line, name.ident.to_string());
                self.leaf(line, before, &last, last.clone(), reexport);
            }
            syn::UseTree::Rename(rename) => {
                let (line, last) = (rename.ident.span().start().line, rename.ident.to_string());
                self.leaf(line, before, &last, rename.rename.to_string(), reexport);
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.span().start().line;
                self.name(line, [before.as_slice(), &["*".to_owned()]].concat(), None, reexport);
            }
        }
    }

    fn leaf(&mut self, line: usize, before: &[String], last: &str, alias: String, reexport: bool) {
        let mut parts = before.to_vec();
        // `use a::b::{self}` is `use a::b`.
        if last == "self" && !parts.is_empty() {
            let alias = if alias == "self" { parts.last().cloned() } else { Some(alias) };
            return self.name(line, parts, alias, reexport);
        }
        parts.push(last.to_owned());
        self.name(line, parts, Some(alias), reexport);
    }

    /// Macros are tokens to syn: look for the calls that panic and for paths.
    fn tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, c: char| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let mut parts = vec![ident.to_string()];
                    while is(at + 1, ':') && is(at + 2, ':') {
                        let Some(TokenTree::Ident(next)) = trees.get(at + 3) else { break };
                        parts.push(next.to_string());
                        at += 3;
                    }
                    let call = matches!(trees.get(at + 1), Some(TokenTree::Group(_)));
                    let panics = match parts.as_slice() {
                        [one] if one == "unwrap" || one == "expect" => call && at > 0 && is(at - 1, '.'),
                        [one] => is(at + 1, '!') && PANIC_MACROS.contains(&one.as_str()),
                        _ => false,
                    };
                    if panics {
                        self.panics.push(At { line, it: parts.concat() });
                    } else if parts.len() > 1 {
                        self.name(line, parts, None, false);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

const PANIC_MACROS: [&str; 2] = ["panic", "unreachable"];

impl<'ast> Visit<'ast> for Walk {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attrs: &[syn::Attribute] = match item {
            syn::Item::Fn(i) => &i.attrs,
            syn::Item::Mod(i) => &i.attrs,
            syn::Item::Impl(i) => &i.attrs,
            syn::Item::Struct(i) => &i.attrs,
            syn::Item::Enum(i) => &i.attrs,
            syn::Item::Use(i) => &i.attrs,
            syn::Item::Const(i) => &i.attrs,
            syn::Item::Static(i) => &i.attrs,
            syn::Item::Macro(i) => &i.attrs,
            syn::Item::Trait(i) => &i.attrs,
            _ => &[],
        };
        if self.skip(attrs, item.span()) {
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
            {
                self.test_modules.push(TestModule { name: module.ident.to_string(), path: path_of(&module.attrs) });
            }
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, item.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if self.skip(&item.attrs, item.span()) {
            return;
        }
        self.function(&item.sig, item.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.span());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let reexport = !matches!(item.vis, syn::Visibility::Inherited);
        self.use_tree(&item.tree, &mut Vec::new(), reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let parts = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.name(path.span().start().line, parts, None, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let method = call.method.to_string();
        if method == "unwrap" || method == "expect" {
            self.panics.push(At { line: call.method.span().start().line, it: method });
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(name) = call.path.get_ident().map(ToString::to_string)
            && PANIC_MACROS.contains(&name.as_str())
        {
            self.panics.push(At { line: call.path.span().start().line, it: name });
        }
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
