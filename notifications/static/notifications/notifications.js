/* All parts of the script. A page loads it with <script type="module" src="...">; see docs/howto/javascript. */

import "./bell.js";
import "./inbox.js";
