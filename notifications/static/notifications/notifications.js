import "./bell.js";
import "./inbox.js";
