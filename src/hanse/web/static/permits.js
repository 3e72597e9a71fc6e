// The pages on which a person applies, orders and reads results. The key stays in the browser; what is signed is shown first.
import "./permits/key.js";
import "./permits/documents.js";
import "./permits/proof.js";
import "./permits/run.js";
import "./permits/mine.js";
