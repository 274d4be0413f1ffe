// The names by which the console knows the shapes of the API. The shapes themselves are generated from the server's
// document (`npm run types`); nothing else imports that file.
import type { components, paths } from "./schema";

export type { paths };

type Schemas = components["schemas"];

/** A text in the two languages of the console. */
export type Words = Schemas["Words"];
/** A value of a tag or a trait: its text is exact and plain, without thousands separators. */
export type Value = Schemas["Value"];

/** Why a request was refused, with every single fault. In rules, start and end are byte offsets of the UTF-8 text. */
export type Problem = Schemas["Problem"];
export type ProblemCode = Problem["code"];
export type Fault = Schemas["Flaw"];

export type Session = Schemas["Session"];
export type Role = Schemas["SessionUser"]["role"];
export type Account = Schemas["Account"];
export type AccountEdit = Schemas["UserRequestBody"];
export type Token = Schemas["Token"];
export type Source = Schemas["Source"];
export type SourceKey = Schemas["SourceKey"];
export type AuditRow = Schemas["AuditRow"];

export type Overview = Schemas["Overview"];
export type Run = Schemas["Run"];
export type RunTag = Schemas["RunTag"];
export type Freshness = Schemas["Freshness"];
export type ReaderState = Schemas["ReaderState"];

export type Category = Schemas["Category"];
/** Something by its kind (tag, segment, measure …) and key. */
export type Ref = Schemas["Ref"];
export type TagSummary = Schemas["TagSummary"];
export type Tag = Schemas["Tag"];
/** What a tag is saved with. */
export type TagBody = Schemas["TagBody"];
export type TagPreview = Schemas["TagPreview"];
export type TagValues = Schemas["TagValues"];
export type TagFilter = NonNullable<paths["/api/v1/tags"]["get"]["parameters"]["query"]>;
export type Refresh = TagSummary["refresh"];
export type Version = Schemas["Version"];
export type Member = Schemas["Member"];

export type Segment = Schemas["Segment"];
export type SegmentBody = Schemas["SegmentBody"];

export type RuleCheck = Schemas["RuleCheck"];
/** What may stand in the place of the bytes between start and end. */
export type Completion = Schemas["Completion"];
export type PopulationExplanation = Schemas["RuleShare"];
export type QueryAnswer = Schemas["QueryAnswer"];

export type Identifier = Schemas["Identifier"];
export type Customer = Schemas["Customer"];
export type CustomerTag = Schemas["CustomerTag"];
export type Property = Schemas["Property"];
export type TimelineEvent = Schemas["Happening"];
export type Explanation = Schemas["Explanation"];
export type Leaf = Schemas["WhyLeaf"];

export type Assignment = Schemas["Assignment"];
export type AssignmentItem = Schemas["AssignmentItem"];
export type BulkResult = Schemas["BulkResult"];
