/* A page loads this with <script type="module" src="...">. */

import "./bell.js";
import "./inbox.js";
