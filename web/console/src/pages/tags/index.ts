export { TagCreatePage, TagEditPage } from "./TagFormPage";
export { TagPage } from "./TagPage";
export { TagsPage } from "./TagsPage";
